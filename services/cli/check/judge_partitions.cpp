#include <algorithm>
#include <functional>
#include <map>

#include "cli/check/judge.hpp"
#include "cli/front/text_table.hpp"

namespace openrun::cli::check {
namespace {

constexpr const char* log_lost = "docs/runbooks/log-lost.md";
constexpr const char* no_progress = "docs/runbooks/no-progress.md";

// What is known of one partition of requests; null: that is not known.
struct Known {
  Partition partition;
  const ports::LogPartitionState* log = nullptr;
  const ports::WatchedPartition* before = nullptr;
  const ports::WatchedPartition* after = nullptr;
};

struct Scene {
  const ports::WatchedStore* store = nullptr;  // after
  const ports::GroupState* issuers = nullptr;  // where partitions are dealt out
  bool has_log = false;                        // it is known which partitions there are
  std::vector<Known> partitions;               // ascending
};

Scene scene_of(const Facts& facts) {
  Scene scene;
  std::map<Partition, Known> all;
  const auto take = [&](const ports::WatchedStore& store, const ports::WatchedPartition* Known::* member) {
    for (const ports::WatchedPartition& one : store.partitions) all[one.partition].*member = &one;
  };
  if (facts.store && facts.store->before) take(*facts.store->before, &Known::before);
  if (facts.store && facts.store->after) {
    scene.store = &*facts.store->after;
    take(*scene.store, &Known::after);
  }
  if (facts.log) {
    const auto topic = facts.log->state.topics.find(ports::Topic::requests);
    if (topic != facts.log->state.topics.end() && topic->second) {
      scene.has_log = true;
      for (const ports::LogPartitionState& one : *topic->second) all[one.partition].log = &one;
    }
    const auto group = facts.log->state.groups.find(ports::issuers_group);
    if (group != facts.log->state.groups.end() && group->second && group->second->is_stable) {
      scene.issuers = &*group->second;
    }
  }
  for (auto& [partition, one] : all) {
    one.partition = partition;
    scene.partitions.push_back(one);
  }
  return scene;
}

const ports::GroupMember* holder_of(const ports::GroupState& group, Partition partition) {
  const auto found = std::ranges::find_if(
      group.members, [&](const auto& one) { return std::ranges::binary_search(one.partitions, partition); });
  return found == group.members.end() ? nullptr : &*found;
}

bool is_writer_connected(const ports::WatchedStore& store, const ports::WatchedPartition& partition) {
  const std::string name =
      "openrun-issuer/" + std::to_string(partition.partition.value) + "/" + std::to_string(partition.epoch.value);
  return std::ranges::find(store.connections, name, &ports::WatchedConnections::application) != store.connections.end();
}

std::set<Partition> judge_issuers(const Scene& scene, Findings& out) {
  OneCheck each(out, "partitions", "issuer");
  std::set<Partition> without;
  const auto wrong = [&](const Known& one, const std::string& text) {
    without.insert(one.partition);
    each.add(one.partition, Verdict::wrong, text, no_progress);
  };
  for (const Known& one : scene.partitions) {
    const ports::GroupMember* holder = scene.issuers == nullptr ? nullptr : holder_of(*scene.issuers, one.partition);
    if (scene.issuers != nullptr && holder == nullptr) {
      wrong(one, "no issuer is responsible for it");
      continue;
    }
    const std::string who = holder == nullptr ? "its issuer" : holder->name;
    if (scene.store == nullptr) continue;
    if (one.after == nullptr) {
      wrong(one, "no issuer has ever taken it over");
    } else if (!is_writer_connected(*scene.store, *one.after)) {
      wrong(one, who + " is not connected to Postgres");
    }
  }
  each.or_else("each has one");
  return without;
}

void judge_log_kept(const Scene& scene, Findings& out) {
  OneCheck each(out, "partitions", "log");
  bool is_known = false;
  for (const Known& one : scene.partitions) {
    if (one.log == nullptr) {
      each.add(one.partition, Verdict::wrong, "Postgres knows it, and the topic of requests has no such partition",
               log_lost);
      continue;
    }
    if (!one.log->bounds) {
      // A partition without a leader was told.
      if (one.log->has_leader) {
        each.add(one.partition, Verdict::wrong, "its leader does not answer, or was not asked after another's did not",
                 no_progress);
      }
      continue;
    }
    is_known = true;
    const ports::LogBounds& bounds = *one.log->bounds;
    if (one.after != nullptr && bounds.begin > one.after->next_offset) {
      each.add(one.partition, Verdict::wrong,
               grouped(bounds.begin - one.after->next_offset) + " undecided records are no longer kept", log_lost);
    } else if (one.before != nullptr && bounds.end < one.before->next_offset) {
      each.add(one.partition, Verdict::wrong,
               "it ends " + grouped(one.before->next_offset - bounds.end) + " records before what is decided",
               log_lost);
    }
  }
  if (is_known) each.or_else("each still holds all that is not decided");
}

void judge_queues(const Scene& scene, Findings& out) {
  OneCheck each(out, "partitions", "queue");
  std::int64_t waiting = 0;
  for (const Known& one : scene.partitions) {
    if (one.after == nullptr || one.log == nullptr || !one.log->bounds) continue;
    const std::int64_t queue = std::max<std::int64_t>(0, one.log->bounds->end - one.after->next_offset);
    waiting += queue;
    if (queue == 0) continue;
    const auto& committed = one.after->committed_at;
    const std::int64_t idle_ms = committed ? scene.store->now - *committed : progress_ms_max + 1;
    std::string text = grouped(queue) + " records are not decided";
    if (idle_ms > progress_ms_max) {
      text += ", and nothing was committed ";
      text += committed ? "for " + duration_text(idle_ms) : "yet";
      each.add(one.partition, Verdict::wrong, text, no_progress);
    } else if (queue > undecided_max) {
      each.add(one.partition, Verdict::look, text + ": something is sending them", no_progress);
    }
  }
  each.or_else(waiting == 0 ? "all is decided" : grouped(waiting) + " records are being decided");
}

void judge_published(const Scene& scene, Findings& out) {
  OneCheck each(out, "partitions", "outbox");
  for (const Known& one : scene.partitions) {
    if (one.after == nullptr || !one.after->unpublished_since) continue;
    const std::int64_t late_ms = scene.store->now - *one.after->unpublished_since;
    if (late_ms <= progress_ms_max) continue;
    each.add(one.partition, Verdict::wrong,
             grouped(one.after->outbox_backlog) + " batches are not known to be published, the oldest for " +
                 duration_text(late_ms),
             "docs/runbooks/outbox-backlog.md");
  }
  each.or_else("all outcomes are published");
}

void judge_dead_letters(const Scene& scene, Findings& out) {
  OneCheck each(out, "partitions", "dead letters");
  for (const Known& one : scene.partitions) {
    if (one.after == nullptr || one.after->open_dead_letters == 0) continue;
    const bool more = one.after->open_dead_letters >= ports::watched_count_max;
    each.add(one.partition, Verdict::look,
             std::string(more ? "at least " : "") + grouped(one.after->open_dead_letters) +
                 (one.after->open_dead_letters == 1 ? " is open" : " are open"),
             "openrun dlq list --state open --partition " + std::to_string(one.partition.value));
  }
  each.or_else("none is open");
}

void judge_dispatch(const std::vector<ports::DispatchRate>& rates, Findings& out) {
  OneCheck each(out, "partitions", "dispatch");
  for (const ports::DispatchRate& one : rates) {
    if (one.per_second == 0) continue;
    const std::string text = "at most " + grouped(std::uint64_t{one.per_second}) + " decisions a second";
    if (one.partition) {
      const std::string number = std::to_string(one.partition->value);
      each.add(*one.partition, Verdict::look, text, "openrun dispatch 0 --partition " + number);
    } else {
      each.add(Verdict::look, text + " in each", "openrun dispatch 0");
    }
  }
  each.or_else("no limit");
}

void judge_log_times(const ports::GatewayStore::Checkpoints& checkpoints, const Facts& facts, Findings& out) {
  OneCheck each(out, "partitions", "log time");
  for (const auto& [partition, one] : checkpoints) {
    const std::int64_t ahead_ms = one.log_time - facts.now;
    if (ahead_ms <= facts.asked.clock_skew_ms_max) continue;
    each.add(partition, Verdict::wrong,
             "its broker's clock was " + duration_text(ahead_ms) + " ahead of ours, and starts and ends go by it",
             no_progress);
  }
  each.or_else("no broker's clock was ahead of ours");
}

}  // namespace

std::set<Partition> judge_partitions(const Facts& facts, Findings& out) {
  const Scene scene = scene_of(facts);
  std::set<Partition> without_issuer;
  if (scene.issuers != nullptr || scene.store != nullptr) without_issuer = judge_issuers(scene, out);
  if (scene.has_log) judge_log_kept(scene, out);
  if (scene.has_log && scene.store != nullptr) judge_queues(scene, out);
  if (scene.store == nullptr) return without_issuer;
  judge_published(scene, out);
  judge_dead_letters(scene, out);
  const auto unknown = [&](const char* check, const Error& error) {
    out.push_back({"partitions", check, Verdict::look, "not known: " + error.message, "docs/runbooks/slow-store.md"});
  };
  if (facts.store->dispatch) {
    judge_dispatch(*facts.store->dispatch, out);
  } else {
    unknown("dispatch", facts.store->dispatch.error());
  }
  if (facts.store->checkpoints) {
    judge_log_times(*facts.store->checkpoints, facts, out);
  } else {
    unknown("log time", facts.store->checkpoints.error());
  }
  return without_issuer;
}

}  // namespace openrun::cli::check
