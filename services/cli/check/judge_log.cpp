#include "cli/check/judge.hpp"
#include "cli/front/text_table.hpp"

namespace openrun::cli::check {
namespace {

constexpr const char* log_part = "kafka";
constexpr const char* log_trouble = "docs/runbooks/log-trouble.md";

const char* name_of(ports::Topic topic) {
  switch (topic) {
    case ports::Topic::requests:
      return "requests";
    case ports::Topic::results:
      return "results";
    case ports::Topic::dead_letters:
      break;
  }
  return "dead letters";
}

void judge_settings(const LogFacts& log, Findings& out) {
  if (!log.settings) {
    out.push_back({log_part, "settings", Verdict::wrong, log.settings.error().message, log_trouble});
    return;
  }
  for (const ports::TopicFinding& one : *log.settings) {
    const Verdict verdict = !one.ok ? Verdict::wrong : one.fix.empty() ? Verdict::ok : Verdict::look;
    out.push_back({log_part, "settings", verdict, one.topic + ": " + one.text, one.fix});
  }
}

void judge_replicas(const ports::LogState& state, Findings& out) {
  OneCheck check(out, log_part, "replicas");
  std::size_t partitions = 0;
  for (const auto& [topic, told] : state.topics) {
    if (!told) {
      check.add(Verdict::wrong, told.error().message, log_trouble);
      continue;
    }
    for (const ports::LogPartitionState& one : *told) {
      ++partitions;
      const std::string which = std::string(name_of(topic)) + ", partition " + std::to_string(one.partition.value);
      if (!one.has_leader) {
        check.add(Verdict::wrong, which + " has no leader: nothing can be appended or read", log_trouble);
      } else if (one.in_sync < one.replicas) {
        check.add(
            Verdict::look,
            which + " has " + std::to_string(one.in_sync) + " of " + std::to_string(one.replicas) + " replicas in sync",
            log_trouble);
      }
    }
  }
  check.or_else("all " + grouped(std::uint64_t{partitions}) + " partitions have a leader and all their replicas");
}

// Null where it is not known; then a finding says why.
const ports::GroupState* known(const LogFacts& log, const char* group, const char* check, Findings& out) {
  const auto found = log.state.groups.find(group);
  if (found == log.state.groups.end()) return nullptr;
  if (found->second) return &*found->second;
  const bool is_down = found->second.error().kind == Error::Kind::unavailable;
  out.push_back({log_part, check, is_down ? Verdict::wrong : Verdict::look,
                 "not known: " + found->second.error().message, log_trouble});
  return nullptr;
}

std::string count_text(std::size_t count, const char* one, const char* many) {
  return grouped(std::uint64_t{count}) + " " + (count == 1 ? one : many);
}

void judge_issuers(const ports::GroupState& group, const std::optional<std::uint32_t>& wanted, Findings& out) {
  const std::size_t count = group.members.size();
  std::size_t standbys = 0;
  for (const ports::GroupMember& one : group.members) standbys += one.partitions.empty() ? 1 : 0;
  std::string text = count_text(count, "issuer", "issuers");
  if (standbys > 0 && group.is_stable) text += ", " + grouped(std::uint64_t{standbys}) + " of them without partitions";
  if (count == 0) {
    out.push_back({log_part, "issuers", Verdict::wrong, "there is none", "docs/runbooks/daemon-down.md"});
  } else if (wanted && count < *wanted) {
    out.push_back({log_part, "issuers", Verdict::wrong, text + "; there should be " + grouped(std::uint64_t{*wanted}),
                   "docs/runbooks/daemon-down.md"});
  } else if (!group.is_stable) {
    out.push_back({log_part, "issuers", Verdict::look, text + "; partitions are being dealt out just now: look again",
                   "openrun check"});
  } else if (!wanted && count == 1) {
    out.push_back({log_part, "issuers", Verdict::look,
                   text + ": nobody takes over from it (--issuers 1 where that is meant)",
                   "docs/operations.md#scaling"});
  } else {
    out.push_back({log_part, "issuers", Verdict::ok, text});
  }
}

void judge_relays(const ports::GroupState& group, const LogFacts& log, Findings& out) {
  const std::size_t count = group.members.size();
  if (count == 0) {
    out.push_back({log_part, "relays", Verdict::wrong, "there is none", "docs/runbooks/daemon-down.md"});
    return;
  }
  const std::string text = count_text(count, "relay", "relays");
  if (!group.is_stable) {
    out.push_back({log_part, "relays", Verdict::look, text + "; partitions are being dealt out just now: look again",
                   "openrun check"});
    return;
  }
  std::size_t held = 0;
  for (const ports::GroupMember& one : group.members) held += one.partitions.size();
  const auto results = log.state.topics.find(ports::Topic::results);
  const std::size_t wanted = results == log.state.topics.end() || !results->second ? 0 : results->second->size();
  if (held < wanted) {
    out.push_back({log_part, "relays", Verdict::look,
                   text + "; " + grouped(std::uint64_t{wanted - held}) + " partitions of results have none",
                   "docs/runbooks/outbox-backlog.md"});
    return;
  }
  out.push_back({log_part, "relays", Verdict::ok, text});
}

}  // namespace

void judge_log(const Facts& facts, Findings& out) {
  if (!facts.log) {
    out.push_back({log_part, "answers", Verdict::wrong, facts.log.error().message, log_trouble});
    return;
  }
  const LogFacts& log = *facts.log;
  judge_settings(log, out);
  judge_replicas(log.state, out);
  if (const auto* group = known(log, ports::issuers_group, "issuers", out)) {
    judge_issuers(*group, facts.asked.issuers, out);
  }
  if (const auto* group = known(log, ports::relays_group, "relays", out)) judge_relays(*group, log, out);
}

}  // namespace openrun::cli::check
