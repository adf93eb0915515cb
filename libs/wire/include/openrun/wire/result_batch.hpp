// ResultBatch (proto/openrun/v1/results.proto): built by the issuer while it decides, read by gateways, relay, audit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/base/result.hpp>
#include <openrun/base/trace_context.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>

namespace openrun::wire {

// The most offsets that one batch may span, gaps included.
inline constexpr std::size_t batch_offsets_max = limits::batch_records_max * 4;
// What one touched campaign adds to a batch at most, beyond bytes(): its counters and its digest.
inline constexpr std::size_t campaign_counters_bytes_max = 72 + 34;

// One thread at a time.
class ResultBatchBuilder {
 public:
  ResultBatchBuilder(Partition partition, Epoch epoch, Offset first_offset);
  ~ResultBatchBuilder();
  ResultBatchBuilder(ResultBatchBuilder&&) noexcept;
  ResultBatchBuilder& operator=(ResultBatchBuilder&&) noexcept;

  // Whether a record at this offset lies within batch_offsets_max of the first; where not, the batch must be closed
  // before it.
  [[nodiscard]] bool spans(Offset offset) const;
  // In ascending order of offsets, within spans() (both asserted); skipped offsets become Outcome::none. `winner` is
  // the user's keyed hash where a coupon was issued, else 0. `after` is the campaign right after a command that was
  // applied, else null.
  void add(const issuance::Decision& decision, std::uint32_t nonce, std::uint64_t winner,
           const issuance::Campaign* after);
  // That the decision that was added last belongs to this trace. Once a decision (asserted).
  void trace(const TraceContext& trace);
  // Decisions added; skipped offsets do not count.
  [[nodiscard]] std::size_t records() const;
  // An upper bound of the serialised size so far, campaigns excepted (campaign_counters_bytes_max each): the issuer
  // closes the batch below the limit.
  [[nodiscard]] std::size_t bytes() const;
  // The serialised batch. `touched`: every campaign that a decision of the batch changed, as it stands at the end.
  // At least one record was added (asserted); the builder is spent afterwards.
  [[nodiscard]] std::string finish(const std::vector<issuance::Campaign>& touched, Timestamp log_time);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Adds the digests of the batch's campaigns, in their order, to what finish() returned.
void append_digests(std::string& payload, std::span<const Digest> digests);

struct OutcomeEntry {
  Offset offset;
  issuance::Outcome outcome = issuance::Outcome::none;
  std::uint32_t nonce = 0;
  CampaignId campaign;
  Sequence sequence;
  Timestamp issued_at;       // where a sequence is
  std::uint64_t winner = 0;  // where issued
};

struct CampaignCounters {
  CampaignId campaign;
  std::uint32_t stock = 0;
  std::uint32_t issued = 0;
  bool paused = false;
  bool closed = false;
  Timestamp starts_at;
  std::optional<Timestamp> ends_at;
  Offset terms_offset;
  std::optional<Digest> digest;  // of its coupons up to last_offset; empty in batches of writers that made none
};

struct CommandResult {
  Offset offset;
  issuance::Outcome outcome;
  std::optional<Offset> first_offset;
  std::optional<issuance::Campaign> after;
};

struct ReplayResult {
  Offset origin;
  Offset offset;
};

struct TracedEntry {
  Offset offset;
  TraceContext trace;
};

struct ResultBatch {
  Partition partition;
  Offset first_offset;
  Offset last_offset;
  Epoch epoch;
  Timestamp log_time;
  std::vector<OutcomeEntry> entries;  // dense: one per offset
  std::vector<CampaignCounters> campaigns;
  std::vector<CommandResult> commands;
  std::vector<ReplayResult> replays;
  std::vector<TracedEntry> traces;  // ascending

  // Of an offset of the range.
  [[nodiscard]] const OutcomeEntry& entry(Offset offset) const {
    return entries[static_cast<std::size_t>(offset - first_offset)];
  }
};

// Error::Kind::invalid for bytes that are no consistent batch: lengths that do not fit, ranges out of order or above
// batch_offsets_max, numbers out of their bounds, an outcome that this version does not know. Safe for any bytes.
// Unknown fields are passed over: writers are upgraded before or after readers.
[[nodiscard]] Result<ResultBatch> decode_result_batch(std::string_view payload);

}  // namespace openrun::wire
