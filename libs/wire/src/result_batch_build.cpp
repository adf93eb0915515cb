#include <utility>

#include <openrun/base/assert.hpp>
#include <openrun/v1/results.pb.h>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/result_batch.hpp>

#include "outcome_kinds.hpp"
#include "proto_writer.hpp"

namespace openrun::wire {
namespace {

using issuance::Campaign;
using issuance::Decision;
using issuance::Outcome;

// The scalars of a batch and the tags and lengths of its packed fields, at their widest.
constexpr std::size_t frame_bytes = 96;
constexpr std::size_t run_bytes = 14;
constexpr std::size_t replay_bytes = 26;
constexpr std::size_t command_bytes = 40;
constexpr std::size_t view_bytes = 72;
constexpr std::size_t entry_bytes = 1 + 4;                    // kind and nonce
constexpr std::size_t trace_bytes = 3 + trace_context_bytes;  // its place, a varint below batch_offsets_max
static_assert(batch_offsets_max < 1U << 21);

struct Run {
  CampaignId campaign;
  std::uint32_t count = 0;
};

void write_view(const Campaign& campaign, openrun::v1::CampaignView& out) {
  out.set_campaign_id(campaign.id.value);
  out.set_terms(encode_terms(campaign.terms));
  out.set_issued(campaign.issued);
  out.set_paused(campaign.paused);
  out.set_closed(campaign.closed);
  out.set_created_at_ms(campaign.created_at.value);
  out.set_updated_at_ms(campaign.updated_at.value);
  out.set_terms_offset(campaign.terms_offset.value);
}

void write_counters(const Campaign& campaign, openrun::v1::CampaignCounters& out) {
  out.set_campaign_id(campaign.id.value);
  out.set_stock(campaign.terms.stock);
  out.set_issued(campaign.issued);
  out.set_paused(campaign.paused);
  out.set_closed(campaign.closed);
  out.set_starts_at_ms(campaign.terms.starts_at.value);
  if (campaign.terms.ends_at) out.set_ends_at_ms(campaign.terms.ends_at->value);
  out.set_terms_offset(campaign.terms_offset.value);
}

}  // namespace

struct ResultBatchBuilder::State {
  openrun::v1::ResultBatch message;
  std::string kinds;
  std::vector<Run> runs;
  Offset first_offset;
  std::size_t records = 0;
  std::size_t bytes = frame_bytes;
  std::int64_t issued_at_last = 0;

  void append_entry(CampaignId campaign, Outcome outcome, std::uint32_t nonce) {
    kinds.push_back(static_cast<char>(outcome));
    message.add_nonces(nonce);
    bytes += entry_bytes;
    if (runs.empty() || runs.back().campaign != campaign) {
      runs.push_back({campaign, 0});
      bytes += run_bytes;
    }
    ++runs.back().count;
  }

  void append_coupon(const Decision& decision, std::uint64_t winner) {
    OPENRUN_ASSERT(decision.sequence.value != 0, "an outcome that carries a coupon names its sequence");
    const std::int64_t delta = decision.time.value - issued_at_last;
    issued_at_last = decision.time.value;
    message.add_sequences(decision.sequence.value);
    message.add_issued_at_deltas_ms(delta);
    bytes += varint_size(decision.sequence.value) + varint_size(zigzag(delta));
    if (decision.outcome == Outcome::issued) {
      message.add_winners(winner);
      bytes += sizeof winner;
    }
  }

  void append_command(const Decision& decision, const Campaign* after) {
    auto& command = *message.add_commands();
    command.set_offset(decision.offset.value);
    command.set_outcome(static_cast<std::uint32_t>(decision.outcome));
    if (decision.first_offset) command.set_first_offset(decision.first_offset->value);
    bytes += command_bytes;
    if (after == nullptr) return;
    write_view(*after, *command.mutable_after());
    bytes += view_bytes + command.after().terms().size();
  }

  void append_replay(const Decision& decision) {
    auto& replay = *message.add_replays();
    replay.set_origin_offset(decision.origin->value);
    replay.set_offset(decision.offset.value);
    bytes += replay_bytes;
  }
};

ResultBatchBuilder::ResultBatchBuilder(Partition partition, Epoch epoch, Offset first_offset)
    : state_(std::make_unique<State>()) {
  OPENRUN_ASSERT(partition.value >= 0 && epoch.value >= 0 && first_offset.value >= 0,
                 "a batch names a place in the log");
  state_->first_offset = first_offset;
  state_->message.set_partition(partition.value);
  state_->message.set_epoch(epoch.value);
  state_->message.set_first_offset(first_offset.value);
}

ResultBatchBuilder::~ResultBatchBuilder() = default;
ResultBatchBuilder::ResultBatchBuilder(ResultBatchBuilder&&) noexcept = default;
ResultBatchBuilder& ResultBatchBuilder::operator=(ResultBatchBuilder&&) noexcept = default;

bool ResultBatchBuilder::spans(Offset offset) const {
  const std::int64_t distance = offset - state_->first_offset;
  return distance >= 0 && static_cast<std::uint64_t>(distance) < batch_offsets_max;
}

void ResultBatchBuilder::add(const Decision& decision, std::uint32_t nonce, std::uint64_t winner,
                             const Campaign* after) {
  State& state = *state_;
  OPENRUN_ASSERT(spans(decision.offset), "a batch spans at most batch_offsets_max offsets");
  const auto index = static_cast<std::size_t>(decision.offset - state.first_offset);
  OPENRUN_ASSERT(index >= state.kinds.size(), "decisions come in ascending order of offsets");
  OPENRUN_ASSERT(is_known(decision.outcome) && decision.outcome != Outcome::none, "a decision has an outcome");
  while (state.kinds.size() < index) state.append_entry(CampaignId{}, Outcome::none, 0);
  state.append_entry(decision.campaign, decision.outcome, nonce);
  if (carries_coupon(decision.outcome)) state.append_coupon(decision, winner);
  if (issuance::is_command(decision.outcome)) state.append_command(decision, after);
  // An ignored replay changes nothing for its origin: that one's receipt keeps showing the first outcome.
  if (decision.origin && decision.outcome != Outcome::replay_ignored) state.append_replay(decision);
  ++state.records;
}

void ResultBatchBuilder::trace(const TraceContext& trace) {
  State& state = *state_;
  OPENRUN_ASSERT(!state.kinds.empty(), "a trace belongs to a decision");
  const auto place = static_cast<std::uint32_t>(state.kinds.size() - 1);
  const int count = state.message.traced_size();
  OPENRUN_ASSERT(count == 0 || state.message.traced(count - 1) < place, "a decision has one trace");
  state.message.add_traced(place);
  append_trace_context(*state.message.mutable_traces(), trace);
  state.bytes += trace_bytes;
}

std::size_t ResultBatchBuilder::records() const {
  return state_->records;
}

std::size_t ResultBatchBuilder::bytes() const {
  return state_->bytes;
}

std::string ResultBatchBuilder::finish(const std::vector<Campaign>& touched, Timestamp log_time) {
  State& state = *state_;
  OPENRUN_ASSERT(state.records > 0, "a batch holds at least one record");
  auto& message = state.message;
  message.set_last_offset(state.first_offset.value + static_cast<std::int64_t>(state.kinds.size()) - 1);
  message.set_log_time_ms(log_time.value);
  message.set_kinds(std::move(state.kinds));
  for (const Run& run : state.runs) {
    auto& out = *message.add_runs();
    out.set_campaign_id(run.campaign.value);
    out.set_count(run.count);
  }
  for (const Campaign& campaign : touched) write_counters(campaign, *message.add_campaigns());
  std::string payload = message.SerializeAsString();
  OPENRUN_ASSERT(payload.size() <= state.bytes + touched.size() * campaign_counters_bytes_max,
                 "bytes() is an upper bound of what is written");
  return payload;
}

// Fields of a serialised message may follow in any order, so that the batch is not parsed again.
void append_digests(std::string& payload, std::span<const Digest> digests) {
  constexpr char tag = 15 << 3 | 2;
  for (const Digest& digest : digests) {
    payload.push_back(tag);
    payload.push_back(static_cast<char>(digest.size()));
    payload.append(digest.begin(), digest.end());
  }
}

}  // namespace openrun::wire
