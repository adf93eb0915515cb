#include "reconciler/log_watch.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace openrun::reconciler {
namespace {

constexpr std::chrono::milliseconds broker_timeout{2'000};
// Nothing is that new: the end of a partition is asked for with it.
constexpr std::int64_t day_ms = 86'400'000;

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

// The beginning where no writer has ever taken the partition.
Offset checkpoint_in(const std::map<Partition, Offset>& checkpoints, Partition partition) {
  const auto found = checkpoints.find(partition);
  return found == checkpoints.end() ? Offset{0} : found->second;
}

}  // namespace

LogWatch::LogWatch(ports::Log& log, Coupons& coupons, ports::Clock& clock, ports::Logger& logger,
                   ports::Metrics& metrics, MissingCoupons& missing, ToldOffsets& told, std::int64_t lookback_ms)
    : log_(log),
      coupons_(coupons),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      missing_(missing),
      told_(told),
      lookback_ms_(lookback_ms),
      not_issued_(metrics.counter("openrun_acknowledged_not_issued_total",
                                  "Coupons that somebody was told of and that are not in the store: always 0.")),
      checked_(metrics.counter("openrun_acknowledged_checked_total",
                               "Coupons that somebody was told of and that were looked for in the store.")) {}

std::int64_t LogWatch::turn() {
  if (clock_.monotonic_us() >= look_at_us_) {
    look();
    look_at_us_ = clock_.monotonic_us() + look_interval_us;
  }
  bool more = false;
  for (auto& [partition, followed] : followed_) more = advance(partition, followed) || more;
  return more ? 0 : idle_wait_ms;
}

void LogWatch::look() {
  const auto partitions = log_.partitions(ports::Topic::results, broker_timeout);
  if (!partitions) return tell(partitions.error());
  for (std::int32_t number = 0; number < *partitions; ++number) {
    const auto [found, is_new] = followed_.try_emplace(Partition{number}, Partition{number});
    if (!is_new) continue;
    const ports::Metrics::Labels labels{{"partition", std::to_string(number)}};
    found->second.behind = &metrics_.gauge("openrun_acknowledged_behind_records",
                                           "Records of the results topic that were not checked yet.", labels);
    found->second.undecided = &metrics_.gauge(
        "openrun_undecided_seconds", "Since when the partition's log has held records and nobody decides any.", labels);
    found->second.store_behind = &metrics_.gauge(
        "openrun_store_behind_results",
        "Outcomes that were published and that Postgres does not hold: above 0, it was restored and is caught up.",
        labels);
  }
  const auto checkpoints = coupons_.checkpoints();
  if (!checkpoints) return tell(checkpoints.error());
  for (auto& [partition, followed] : followed_) look_at(partition, followed, *checkpoints);
}

void LogWatch::look_at(Partition partition, Followed& followed, const std::map<Partition, Offset>& checkpoints) {
  const Timestamp future = clock_.now() + day_ms;
  const Offset next_offset = checkpoint_in(checkpoints, partition);
  if (const auto end = log_.offset_at(ports::Topic::results, partition, future, broker_timeout)) {
    followed.behind->set(static_cast<double>(std::max<std::int64_t>(*end - followed.checked_end, 0)));
    judge_store(partition, followed, next_offset, followed.position >= *end && followed.watch.idle());
  }
  const auto end = log_.offset_at(ports::Topic::requests, partition, future, broker_timeout);
  if (!end) return tell(end.error());
  trouble_told_ = false;
  const auto judgement = undecided_.look(partition, next_offset, *end, clock_.monotonic_us());
  followed.undecided->set(static_cast<double>(judgement.without_progress_us) / 1e6);
  using News = Undecided::Judgement::News;
  if (judgement.news == News::none) return;
  const bool stuck = judgement.news == News::stuck;
  logger_.log(stuck ? ports::LogLevel::error : ports::LogLevel::info,
              stuck ? "nobody decides a partition's records" : "a partition's records are decided again",
              {{"partition", std::int64_t{partition.value}},
               {"next_offset", next_offset.value},
               {"log_end", end->value},
               {"seconds", judgement.without_progress_us / 1'000'000}});
}

// The checkpoint was read after all that was told so far: see acknowledged.hpp. What waits for it is read no further,
// so the end is known only once all is read.
void LogWatch::judge_store(Partition partition, Followed& followed, Offset next_offset, bool is_read) {
  const std::int64_t behind = std::max<std::int64_t>(followed.told_end - next_offset, 0);
  const bool was_behind = followed.is_store_behind;
  if (behind > 0 || is_read) followed.is_store_behind = behind > 0;
  followed.store_behind->set(followed.is_store_behind ? static_cast<double>(std::max<std::int64_t>(behind, 1)) : 0);
  if (followed.is_store_behind == was_behind) return;
  logger_.log(was_behind ? ports::LogLevel::info : ports::LogLevel::warning,
              was_behind ? "the store has caught up with what was told"
                         : "the store stands behind what was told, as after a restore; this partition is left alone "
                           "until it has caught up",
              {{"partition", std::int64_t{partition.value}},
               {"next_offset", next_offset.value},
               {"results_end", followed.told_end.value},
               {"runbook", std::string("docs/runbooks/restore.md")}});
}

bool LogWatch::advance(Partition partition, Followed& followed) {
  for (int i = 0; i < actions_a_turn; ++i) {
    const bool goes_on = perform(partition, followed, followed.watch.next(clock_.monotonic_us()));
    if (followed.watch.idle()) followed.checked_end = followed.position;
    if (!goes_on) return false;
    checked_.add(static_cast<double>(followed.watch.checked() - followed.shown));
    followed.shown = followed.watch.checked();
  }
  return true;
}

bool LogWatch::perform(Partition partition, Followed& followed, const WatchAction& action) {
  Acknowledged& watch = followed.watch;
  const auto now_us = [&] { return clock_.monotonic_us(); };
  const auto told = [&](auto answer) {
    if (!answer) tell(answer.error());
    return answer;
  };
  return std::visit(Overloaded{
                        [&](const OpenResults&) {
                          const auto opened = told(open(partition, followed));
                          watch.on_opened(now_us(), opened);
                          return opened.has_value();
                        },
                        [&](const ReadResults& read_results) {
                          const Offset before = followed.position;
                          watch.on_results(now_us(), told(read(partition, followed, read_results.records_max)));
                          return followed.position != before || !watch.idle();
                        },
                        [&](const SumCoupons& sum) {
                          const auto sums = told(coupons_.sums(sum.ranges));
                          watch.on_sums(now_us(), sums);
                          return sums.has_value();
                        },
                        [&](const AskCheckpoint&) {
                          const auto checkpoint = told(checkpoint_of(partition));
                          watch.on_checkpoint(now_us(), checkpoint);
                          return checkpoint.has_value();
                        },
                        [&](const ListCoupons& list) {
                          const auto coupons = told(coupons_.coupons(list.range));
                          watch.on_coupons(now_us(), coupons);
                          return coupons.has_value();
                        },
                        [&](const ReportMissing& missing) {
                          report(partition, missing);
                          watch.on_reported();
                          return true;
                        },
                        [](const Rest&) { return false; },
                    },
                    action);
}

Result<Offset> LogWatch::checkpoint_of(Partition partition) {
  const auto checkpoints = coupons_.checkpoints();
  if (!checkpoints) return std::unexpected(checkpoints.error());
  return checkpoint_in(*checkpoints, partition);
}

Result<void> LogWatch::open(Partition partition, Followed& followed) {
  const auto from = log_.offset_at(ports::Topic::results, partition, clock_.now() + -lookback_ms_, broker_timeout);
  if (!from) return std::unexpected(from.error());
  followed.reader.reset();
  auto opened = log_.open(ports::Topic::results, partition, *from);
  if (!opened) return std::unexpected(std::move(opened.error()));
  followed.reader = std::move(*opened);
  followed.position = *from;
  return {};
}

Result<std::vector<wire::ResultBatch>> LogWatch::read(Partition partition, Followed& followed,
                                                      std::size_t records_max) {
  auto batch = followed.reader->poll(records_max, std::chrono::milliseconds(0));
  if (!batch) return std::unexpected(std::move(batch.error()));
  std::vector<wire::ResultBatch> results;
  for (const ports::LogRecord& record : batch->records) {
    followed.position = record.offset + 1;
    auto decoded = wire::decode_result_batch(record.value);
    if (decoded && decoded->partition == partition) {
      followed.told_end = std::max(followed.told_end, decoded->last_offset + 1);
      told_.told(partition, followed.told_end);
      results.push_back(std::move(*decoded));
      continue;
    }
    logger_.error("a record of the results topic cannot be read, and what it tells is not checked",
                  {{"partition", std::int64_t{partition.value}},
                   {"offset", record.offset.value},
                   {"error", decoded ? std::string("it belongs to another partition") : decoded.error().message}});
  }
  return results;
}

void LogWatch::report(Partition partition, const ReportMissing& missing) {
  not_issued_.add();
  ++missing_;
  logger_.error("a coupon that was acknowledged is not in the store",
                {{"campaign", std::int64_t{missing.campaign.value}},
                 {"sequence", std::int64_t{missing.coupon.sequence.value}},
                 {"partition", std::int64_t{partition.value}},
                 {"request_offset", missing.coupon.request_offset.value},
                 {"runbook", std::string("docs/runbooks/drift.md")}});
}

void LogWatch::tell(const Error& error) {
  if (!std::exchange(trouble_told_, true))
    logger_.warning("what was acknowledged cannot be checked at the moment", {{"error", error.message}});
}

}  // namespace openrun::reconciler
