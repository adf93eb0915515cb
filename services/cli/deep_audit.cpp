#include "cli/deep_audit.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <openrun/wire/log_record.hpp>

#include "cli/log_reading.hpp"
#include "cli/saved_rows.hpp"
#include "cli/start_state.hpp"

namespace openrun::cli {
namespace {

// The clocks of Postgres and of the broker may differ by that much where one is compared with the other.
constexpr std::int64_t clocks_differ_ms_max = 60'000;
constexpr std::int64_t progress_every_records = 5'000;

class PartitionRun {
 public:
  PartitionRun(ports::Log& log, ports::AuditRows& rows, const AuditKeys& keys, const DeepOptions& options,
               const ports::StoredCheckpoint& checkpoint, DeepReport& report)
      : log_(log), rows_(rows), keys_(keys), options_(options), checkpoint_(checkpoint), report_(report) {}

  Result<void> run() {
    auto bounds = log_bounds(log_, ports::Topic::requests, partition());
    if (!bounds) return std::unexpected(std::move(bounds.error()));
    summary_.partition = partition();
    summary_.log = *bounds;
    summary_.next_offset = checkpoint_.next_offset;
    if (!log_reaches_the_checkpoint()) {
      report_.partitions.push_back(summary_);
      return {};
    }
    if (auto opened = rows_.open(partition()); !opened) return opened;
    auto campaigns = rows_.campaigns(partition());
    if (!campaigns) return std::unexpected(std::move(campaigns.error()));
    RowStreams streams(rows_);
    auto start = start_state(*campaigns, streams);
    if (!start) return std::unexpected(std::move(start.error()));
    summary_.from = start->snapshot.next_offset;
    tell_unknown(start->unknown);
    const std::uint64_t found_before = report_.findings.count();
    PartitionAudit audit(keys_, checkpoint_, std::move(*start), *campaigns, streams, report_.findings);
    auto done = compare(audit, *campaigns);
    if (!done) return done;
    if (options_.save != nullptr && report_.findings.count() == found_before && summary_.counts.unknown == 0 &&
        audit.reexecution().unknown().empty()) {
      options_.save->add(partition(), encode_state(audit.reexecution().machine(), audit.heads(), fingerprint()));
    }
    report_.partitions.push_back(summary_);
    return {};
  }

 private:
  [[nodiscard]] Partition partition() const { return checkpoint_.partition; }
  [[nodiscard]] std::uint64_t fingerprint() const { return checkpoint_.fingerprint; }
  [[nodiscard]] std::string name() const { return "partition " + std::to_string(partition().value) + ": "; }
  void not_checked(std::string text) { report_.not_checked.push_back({partition(), std::move(text)}); }

  bool log_reaches_the_checkpoint() {
    const Offset next = checkpoint_.next_offset;
    if (summary_.log.begin <= next && next <= summary_.log.end) return true;
    report_.findings.add("log_holds_what_was_decided",
                         name() + "the log holds offsets " + std::to_string(summary_.log.begin.value) + " to below " +
                             std::to_string(summary_.log.end.value) + ", the checkpoint stands at " +
                             std::to_string(next.value) + " (docs/runbooks/log-lost.md)");
    not_checked("nothing of it, because the log does not reach to the checkpoint");
    return false;
  }

  // Where to begin, and with what state.
  Result<StartState> start_state(const std::vector<ports::StoredCampaignRow>& campaigns, RowStreams& streams) {
    const auto wanted = options_.from.find(partition());
    if (options_.saved != nullptr && options_.saved->has(partition())) {
      return saved_state(wanted == options_.from.end() ? std::nullopt : std::optional(wanted->second), streams);
    }
    Offset from = summary_.log.begin;
    if (wanted != options_.from.end()) {
      if (wanted->second < from || wanted->second > checkpoint_.next_offset) {
        return fail(Error::Kind::invalid, name() + "it can begin at offsets " + std::to_string(from.value) + " to " +
                                              std::to_string(checkpoint_.next_offset.value) + ", not at " +
                                              std::to_string(wanted->second.value));
      }
      from = wanted->second;
    }
    if (from > Offset{0}) {
      summary_.start = "the rows in Postgres";
      not_checked("the outcomes of offsets 0 to " + std::to_string(from.value - 1) + ": " +
                  (from == summary_.log.begin ? "the log does not hold these requests any more"
                                              : "the audit was told to begin later") +
                  "; the coupons issued there are covered by their campaigns' digests only");
    }
    return state_from_rows(checkpoint_, from, campaigns, streams);
  }

  Result<StartState> saved_state(std::optional<Offset> wanted, RowStreams& streams) {
    auto saved = options_.saved->read(partition());
    if (!saved) return std::unexpected(std::move(saved.error()));
    const Offset from = saved->state.snapshot.next_offset;
    const std::string place = name() + "the saved state stands at offset " + std::to_string(from.value);
    if (wanted && *wanted != from) {
      return fail(Error::Kind::invalid, place + "; leave --from-offset out, or name that offset");
    }
    if (from > checkpoint_.next_offset) {
      return fail(Error::Kind::invalid, place + ", the checkpoint before it: Postgres holds an older state");
    }
    if (from < summary_.log.begin) {
      return fail(Error::Kind::invalid, place + ", and the log begins only at " +
                                            std::to_string(summary_.log.begin.value) +
                                            "; audit without it, and save a newer one");
    }
    if (auto same = same_log(*saved, place); !same) return std::unexpected(std::move(same.error()));
    summary_.start = "the saved state";
    auto compared = compare_rows_before(saved->state, streams, keys_.codes, report_.findings);
    if (!compared) return std::unexpected(std::move(compared.error()));
    return std::move(saved->state);
  }

  // Whether the record before the state is the one that was there when it was saved.
  Result<void> same_log(const SavedState& saved, const std::string& place) {
    const Offset last = saved.state.snapshot.next_offset + -1;
    return read_log(log_, ports::Topic::requests, partition(), std::max(last, summary_.log.begin), last + 1,
                    [&](const ports::LogRecord& record, const ports::LogReader& /*reader*/) -> Result<void> {
                      if (wire::fingerprint(record.offset, record.value) == saved.fingerprint) return {};
                      return fail(Error::Kind::conflict, place +
                                                             ", but the record before it is another: the topic was "
                                                             "created anew, or the file is of another system");
                    });
  }

  void tell_unknown(const std::set<CampaignId>& unknown) {
    for (const CampaignId id : unknown) {
      not_checked("campaign " + std::to_string(id.value) + ": commands have changed it since offset " +
                  std::to_string(summary_.from.value - 1) +
                  ", and how it stood before can't be told; its requests were not decided again");
    }
  }

  Result<void> compare(PartitionAudit& audit, const std::vector<ports::StoredCampaignRow>& campaigns) {
    auto results = log_bounds(log_, ports::Topic::results, partition());
    if (!results) return std::unexpected(std::move(results.error()));
    if (results->begin > Offset{0}) {
      if (auto watched = watch_since_first(audit, *results); !watched) return watched;
    }
    auto done = read_log(log_, ports::Topic::requests, partition(), summary_.from, checkpoint_.next_offset,
                         [&](const ports::LogRecord& record, const ports::LogReader& reader) {
                           const PartitionAudit::HeadersOf headers = [&](const ports::LogRecord& of) {
                             return reader.headers(of);
                           };
                           progress("requests", record.offset - summary_.from, checkpoint_.next_offset - summary_.from);
                           return audit.record(record, headers);
                         });
    if (done) done = audit.finish();
    if (!done) return done;
    summary_.counts = audit.counts();
    const Offset first_row = audit.outbox_first().value_or(checkpoint_.next_offset);
    if (first_row > summary_.from) {
      not_checked("the outbox of offsets " + std::to_string(summary_.from.value) + " to " +
                  std::to_string(first_row.value - 1) + ": its rows are no longer kept");
    }
    return compare_results(audit, *results, campaigns);
  }

  // Rows that were written after the oldest retained record of the results topic must be in it.
  Result<void> watch_since_first(PartitionAudit& audit, const ports::LogBounds& results) {
    return read_log(log_, ports::Topic::results, partition(), results.begin, std::min(results.end, results.begin + 1),
                    [&](const ports::LogRecord& record, const ports::LogReader& /*reader*/) -> Result<void> {
                      audit.watch_rows_since(record.time + clocks_differ_ms_max);
                      return {};
                    });
  }

  Result<void> compare_results(PartitionAudit& audit, const ports::LogBounds& bounds,
                               const std::vector<ports::StoredCampaignRow>& campaigns) {
    ResultsAudit results(checkpoint_, audit.outcomes(), rows_, report_.findings);
    auto done = read_log(log_, ports::Topic::results, partition(), bounds.begin, bounds.end,
                         [&](const ports::LogRecord& record, const ports::LogReader& /*reader*/) {
                           progress("results", record.offset - bounds.begin, bounds.end - bounds.begin);
                           return results.record(record);
                         });
    if (!done) return done;
    Offset required_from = summary_.from;
    const Offset required_to = std::min(checkpoint_.published_through, checkpoint_.next_offset);
    if (bounds.begin > Offset{0}) {
      required_from = std::max(required_from, audit.first_row_since().value_or(checkpoint_.next_offset));
      not_checked("whether the results topic held every outcome of the offsets below " +
                  std::to_string(required_from.value) + ": it no longer holds its oldest records");
    }
    results.finish(required_from, required_to);
    results.compare_digests(campaigns);
    summary_.results = results.counts();
    return {};
  }

  void progress(const char* stage, std::int64_t done, std::int64_t total) {
    if (!options_.progress || done % progress_every_records != 0) return;
    options_.progress({partition(), stage, done, total});
  }

  ports::Log& log_;
  ports::AuditRows& rows_;
  const AuditKeys& keys_;
  const DeepOptions& options_;
  const ports::StoredCheckpoint& checkpoint_;
  DeepReport& report_;
  DeepPartition summary_;
};

}  // namespace

Result<DeepReport> deep_audit(ports::Log& log, ports::AuditRows& rows, const AuditKeys& keys,
                              const DeepOptions& options) {
  DeepReport report;
  const auto checkpoints = rows.checkpoints();
  if (!checkpoints) return std::unexpected(checkpoints.error());
  for (const ports::StoredCheckpoint& checkpoint : *checkpoints) {
    if (auto done = PartitionRun(log, rows, keys, options, checkpoint, report).run(); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  return report;
}

std::uint64_t memory_bytes_max(const std::vector<ports::StoredCheckpoint>& checkpoints) {
  constexpr std::uint64_t bytes_per_coupon = 64;
  constexpr std::uint64_t bytes_per_record = 9;
  constexpr std::uint64_t bytes_always = 64ULL * 1024 * 1024;  // the log's read-ahead and the pages
  std::uint64_t most = 0;
  for (const ports::StoredCheckpoint& one : checkpoints) {
    most = std::max(most, bytes_per_coupon * static_cast<std::uint64_t>(std::max<std::int64_t>(0, one.issued)) +
                              bytes_per_record * static_cast<std::uint64_t>(one.next_offset.value));
  }
  return most + bytes_always;
}

}  // namespace openrun::cli
