// One partition of an issuer's node.
#include <algorithm>

#include "issuer_node.hpp"

namespace openrun::simulation {

IssuerWorker::IssuerWorker(IssuerNode& node, Partition partition)
    : node_(node),
      context_(node.context_),
      partition_(partition),
      number_(node.checker_.new_writer()),
      loop_(
          partition,
          // Small enough that both bounds of what is loaded at once are met.
          issuer::LoopSettings{.batch_max = node.context_.plan.batch_max,
                               .hash_seed = number_,
                               .details_max = 3,
                               .detail_claims_max = 20},
          Keys::get().codes,
          [](CampaignId campaign, std::string_view user) { return Keys::get().user_hash(campaign.value, user); },
          [this](const ports::LogRecord& record) { return reader_->headers(record); }) {}

IssuerWorker::~IssuerWorker() {
  if (backend_) context_.database.disconnect(*backend_);
}

IssuerWorker::Now IssuerWorker::now() const {
  return {node_.clock_.monotonic_us(), node_.clock_.now()};
}

void IssuerWorker::later(std::int64_t delay_us, std::function<void()> work) {
  node_.after(delay_us, [self = weak_from_this(), work = std::move(work)] {
    if (const auto alive = self.lock()) work();
  });
}

void IssuerWorker::revoke() {
  loop_.on_revoked();
  turn();
}

void IssuerWorker::drain() {
  while (const auto action = loop_.next(now())) perform(*action);
}

void IssuerWorker::turn() {
  const auto alive = shared_from_this();
  loop_.decide(now());
  drain();
  const std::int64_t wake_us = loop_.wake_at_us();
  if (wake_us == issuer::never_us || wake_us >= wake_planned_us_) return;
  wake_planned_us_ = wake_us;
  later(std::max<std::int64_t>(wake_us - now().monotonic_us, 1), [this, wake_us] {
    if (wake_planned_us_ == wake_us) wake_planned_us_ = issuer::never_us;
    turn();
  });
}

void IssuerWorker::perform(const issuer::Action& action) {
  if (issuer::is_store_action(action)) {
    perform_store(action);
  } else if (issuer::is_log_action(action)) {
    perform_log(action);
  } else if (const auto* publication = std::get_if<issuer::Publish>(&action)) {
    node_.publish(publication->batch);
  } else if (const auto* told = std::get_if<issuer::Tell>(&action)) {
    tell(told->notice);
  } else if (const auto* stop = std::get_if<issuer::Stop>(&action)) {
    context_.trace(node_.name().c_str(), [&] { return "stops: " + stop->message; });
    node_.checker_.stopped(partition_, loop_.status().epoch, stop->reason, stop->message);
    if (stop->reason != "FENCED") return;
    context_.coverage.count(Situation::fenced_writer);
    if (node_.frozen_since_us() > 0 && context_.scheduler.now_us() - node_.frozen_since_us() < 15'000'000) {
      context_.coverage.count(Situation::zombie_woke_up_fenced);
    }
  } else if (std::holds_alternative<issuer::InterruptRead>(action)) {
    later(1, [this] { finish_read(true); });
  }
}

// ---- the store ----

void IssuerWorker::taken_over(Result<ports::TakenOver> answer) {
  if (answer && doubtful_to_) {
    const bool held = answer->snapshot.next_offset == *doubtful_to_;
    context_.coverage.count(held ? Situation::doubt_resolved_as_committed : Situation::doubt_resolved_as_lost);
  }
  if (!answer && doubtful_to_ && answer.error().kind == Error::Kind::conflict) {
    context_.coverage.count(Situation::doubt_then_takeover);
  }
  if (answer || answer.error().kind == Error::Kind::conflict) doubtful_to_.reset();
  loop_.on_taken_over(now(), std::move(answer));
  turn();
}

void IssuerWorker::perform_store(const issuer::Action& action) {
  sim::Database& database = context_.database;
  const auto ask = [&](auto question, auto answered) {
    later(context_.store_us(), [this, question, answered] {
      const sim::CallFate fate = context_.store_call();
      using Answer = decltype(question());
      Answer answer = fail(Error::Kind::unavailable, "the connection was lost");
      if (fate != sim::CallFate::refused) answer = question();
      if (fate == sim::CallFate::answer_lost) answer = fail(Error::Kind::unavailable, "the answer was lost");
      later(context_.store_us(), [answered, answer] { answered(answer); });
    });
  };
  const auto taken = [this](const Result<ports::TakenOver>& answer) { taken_over(answer); };
  if (std::holds_alternative<issuer::TakeOver>(action)) {
    ask(
        [this, &database] {
          const bool open = database.has_open(partition_);
          auto answer = database.take_over(partition_);
          if (answer) node_.checker_.took_over(partition_, answer->epoch, number_);
          if (answer && open) context_.coverage.count(Situation::takeover_in_mid_batch);
          return answer;
        },
        taken);
  } else if (const auto* rebuild = std::get_if<issuer::Rebuild>(&action)) {
    ask([this, &database, epoch = rebuild->epoch] { return database.rebuild(partition_, epoch); }, taken);
  } else if (const auto* load = std::get_if<issuer::LoadDetails>(&action)) {
    ask([this, &database, campaigns = load->campaigns,
         epoch = loop_.status().epoch] { return database.load_details(campaigns, partition_, epoch, number_); },
        [this](const Result<std::vector<issuance::CampaignDetail>>& answer) {
          loop_.on_details(now(), answer);
          turn();
        });
  } else if (std::holds_alternative<issuer::QueryDispatchRate>(action)) {
    ask(
        [this, &database]() -> Result<std::uint32_t> {
          if (auto good = database.readable(); !good) return std::unexpected(good.error());
          const auto& rates = database.dispatch();
          const auto own = rates.find(partition_.value);
          const auto all = rates.find(-1);
          return own != rates.end() ? own->second : all != rates.end() ? all->second : 0;
        },
        [this](const Result<std::uint32_t>& answer) {
          loop_.on_dispatch_rate(now(), answer);
          turn();
        });
  } else if (const auto* query = std::get_if<issuer::QueryBulkAcceptance>(&action)) {
    ask(
        [this, &database, first = query->first, last = query->last]() -> Result<bool> {
          if (auto good = database.readable(); !good) return std::unexpected(good.error());
          return std::ranges::any_of(database.partition(partition_).accepted,
                                     [&](const auto& range) { return range.first <= first && last <= range.second; });
        },
        [this](const Result<bool>& answer) {
          loop_.on_bulk_acceptance(now(), answer);
          turn();
        });
  } else if (const auto* request = std::get_if<issuer::Commit>(&action)) {
    commit(request->batch, false);
  } else if (const auto* probe = std::get_if<issuer::Probe>(&action)) {
    commit(probe->batch, true);
  }
}

void IssuerWorker::answer_commit(ports::CommitAnswer answer, std::int64_t delay_us) {
  later(delay_us, [this, answer = std::move(answer)] {
    commit_in_flight_ = false;
    loop_.on_commit(now(), answer);
    // The thread of the store's answer does not decide; the log's thread does a little later.
    drain();
    later(context_.random.between(0, 300), [this] { turn(); });
  });
}

void IssuerWorker::commit(const std::shared_ptr<const ports::CommitBatch>& batch, bool probe) {
  using ports::CommitOutcome;
  commit_in_flight_ = true;
  if (context_.strikes(Fault::commit_lost)) {
    return answer_commit({CommitOutcome::rolled_back, "connection refused", false}, context_.store_us());
  }
  if (context_.strikes(Fault::commit_timed_out)) {
    return answer_commit({CommitOutcome::rolled_back, "57014: statement timeout", true}, 1'000'000);
  }
  if (context_.strikes(Fault::commit_conflict)) {
    return answer_commit({CommitOutcome::conflict, "23505: duplicate key", false}, context_.store_us());
  }
  later(context_.store_us(), [this, batch, probe] {
    const sim::BackendId backend = node_.checker_.new_backend();
    node_.checker_.begins(partition_, number_);
    context_.trace(node_.name().c_str(), [&] {
      return (probe ? "probes " : "commits ") + std::to_string(partition_.value) + ":" +
             std::to_string(batch->expected_next_offset.value) + "-" + std::to_string(batch->next_offset.value - 1) +
             " epoch " + std::to_string(batch->epoch.value);
    });
    const auto answer = context_.database.begin(backend, *batch);
    if (answer) {
      context_.trace(node_.name().c_str(), [&] { return "is refused: " + answer->message; });
      if (context_.database.is_full()) full_seen_ = true;
      return answer_commit(*answer, context_.store_us());
    }
    backend_ = backend;
    later(context_.store_us(), [this, batch, probe, backend] { send_commit(batch, probe, backend); });
  });
}

void IssuerWorker::committed_in_doubt(const ports::CommitBatch& batch) {
  doubtful_to_ = batch.next_offset;
  answer_commit({ports::CommitOutcome::in_doubt, "the answer to COMMIT was lost", false}, context_.store_us());
}

// The message that holds the COMMIT leaves the process; from here on the server acts alone.
void IssuerWorker::send_commit(const std::shared_ptr<const ports::CommitBatch>& batch, bool probe,
                               sim::BackendId backend) {
  sim::Database& database = context_.database;
  backend_.reset();
  if (!probe && context_.strikes(Fault::commit_doubt_dropped)) {
    database.disconnect(backend);
    return committed_in_doubt(*batch);
  }
  const bool late = !probe && context_.strikes(Fault::commit_doubt_late);
  const bool unanswered = late || (!probe && context_.strikes(Fault::commit_doubt_applied));
  const std::int64_t ends_after_us = late ? context_.random.between(20'000, 4'000'000) : context_.store_us();
  if (unanswered) {
    context_.scheduler.after(ends_after_us, [&context = context_, backend, late] {
      const bool ended = context.database.end(backend, false);
      if (late) context.coverage.count(ended ? Situation::late_commit_won : Situation::late_commit_terminated);
    });
    return committed_in_doubt(*batch);
  }
  const auto ended = std::make_shared<bool>(false);
  context_.scheduler.after(ends_after_us,
                           [&database, backend, probe, ended] { *ended = database.end(backend, probe); });
  later(ends_after_us + context_.store_us(), [this, ended, probe, batch] {
    using ports::CommitOutcome;
    if (*ended) {
      if (std::exchange(full_seen_, false)) context_.coverage.count(Situation::store_full_then_recovered);
      return answer_commit({CommitOutcome::committed, "", false}, 0);
    }
    // Terminated: whoever sent the COMMIT cannot know whether it came before.
    if (probe) return answer_commit({CommitOutcome::rolled_back, "57P01: terminated", false}, 0);
    doubtful_to_ = batch->next_offset;
    answer_commit({CommitOutcome::in_doubt, "57P01: terminated", false}, 0);
  });
}

// ---- the log ----

void IssuerWorker::perform_log(const issuer::Action& action) {
  if (const auto* open = std::get_if<issuer::OpenLog>(&action)) {
    later(context_.network_us(), [this, from = open->from] {
      auto opened = context_.broker.open(ports::Topic::requests, partition_, from);
      if (opened) reader_ = std::move(*opened);
      loop_.on_opened(now(), opened ? Result<void>() : std::unexpected(opened.error()));
      turn();
    });
  } else if (const auto* read = std::get_if<issuer::ReadLog>(&action)) {
    read_log(*read);
  } else {
    later(context_.network_us(), [this] {
      loop_.on_bounds(now(), reader_->bounds({}));
      turn();
    });
  }
}

void IssuerWorker::read_log(const issuer::ReadLog& action) {
  read_ = PendingRead{action.records_max, ++reads_};
  const auto finish = [this, number = reads_](bool timed_out) {
    if (read_ && read_->number == number) finish_read(timed_out);
  };
  const auto bounds = context_.broker.bounds(ports::Topic::requests, partition_);
  context_.broker.call_at_append(ports::Topic::requests, partition_, node_.guarded([self = weak_from_this(), finish] {
    const auto alive = self.lock();
    if (!alive) return;
    alive->later(alive->context_.network_us(), [finish] { finish(false); });
  }));
  later(std::max<std::int64_t>(action.timeout.count() * 1'000, 1), [finish] { finish(true); });
  if (bounds.end.value > 0) later(context_.network_us(), [finish] { finish(false); });
}

void IssuerWorker::finish_read(bool timed_out) {
  if (!read_) return;
  auto batch = reader_->poll(read_->records_max, {});
  if (batch && batch->records.empty() && !timed_out) return;
  read_.reset();
  loop_.on_records(now(), std::move(batch));
  turn();
}

// ---- at once ----

void IssuerWorker::tell(const issuer::Notice& notice) {
  using Kind = issuer::Notice::Kind;
  context_.trace(node_.name().c_str(), [&] {
    return "says of partition " + std::to_string(partition_.value) + ": " +
           std::to_string(static_cast<int>(notice.kind)) + " " + notice.reason + " " + notice.detail + " from " +
           std::to_string(notice.first.value);
  });
  switch (notice.kind) {
    case Kind::record_refused:
      return context_.coverage.count(Situation::refused_record_found_by_halving);
    case Kind::clock_ahead:
      return context_.coverage.count(Situation::record_from_the_future);
    case Kind::bulk_dead_letters:
      context_.coverage.count(Situation::bulk_stop);
      node_.bulk_stops.push_back({partition_, notice.first, notice.last});
      return;
    case Kind::bulk_accepted:
      return context_.coverage.count(Situation::bulk_stop_accepted);
    default:
      return;
  }
}

}  // namespace openrun::simulation
