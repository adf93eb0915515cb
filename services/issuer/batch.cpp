#include "issuer/batch.hpp"

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include <openrun/base/assert.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::issuer {
namespace {

// An upper bound of what a skipped offset adds to a ResultBatch.
constexpr std::size_t skipped_offset_bytes_max = 16;

}  // namespace

PendingBatch::PendingBatch(Partition partition, Epoch epoch, Offset first_offset)
    : batch_(std::make_shared<ports::CommitBatch>()), results_(partition, epoch, first_offset) {
  batch_->partition = partition;
  batch_->epoch = epoch;
  batch_->expected_next_offset = first_offset;
  batch_->next_offset = first_offset;
}

bool PendingBatch::has_room_for(Offset offset, std::size_t records_max) const {
  if (empty()) return true;
  if (facts_.records >= records_max || !results_.spans(offset)) return false;
  const auto skipped = static_cast<std::size_t>(offset - batch_->next_offset);
  // One record's own bytes are the most that its decision can repeat (a command's campaign as it stands after it).
  const std::size_t bytes = results_.bytes() + (touched_.size() + 1) * wire::campaign_counters_bytes_max +
                            skipped * skipped_offset_bytes_max + 2 * limits::record_bytes_max;
  return bytes <= limits::result_batch_bytes_max;
}

void PendingBatch::touch(CampaignId campaign) {
  const auto place = std::lower_bound(touched_.begin(), touched_.end(), campaign);
  if (place == touched_.end() || *place != campaign) touched_.insert(place, campaign);
}

void PendingBatch::add_coupon(const ReadRecord& read, const issuance::Decision& decision,
                              const issuance::Campaign& campaign) {
  const issuance::IssueRequested* request = wire::request_of(read.input.event);
  OPENRUN_ASSERT(request != nullptr, "a coupon is issued for a request only");
  const issuance::Policy& policy = campaign.terms.policy;
  ports::CouponRow row;
  row.campaign = decision.campaign;
  row.sequence = decision.sequence;
  row.user = request->user;
  if (policy.max_per_user > 1) row.idempotency_key = request->idempotency_key;
  row.code_format = policy.code_format;
  row.issued_at = decision.time;
  row.valid_until = issuance::valid_until(policy, decision.time);
  row.request_offset = decision.offset;
  row.request_nonce = request->nonce;
  batch_->coupons.push_back(std::move(row));
}

void PendingBatch::add_command(const ReadRecord& read, const issuance::Decision& decision,
                               const issuance::Machine& machine) {
  const issuance::CampaignCommand* command = wire::command_of(read.input.event);
  // The store remembers exactly what the machine remembers, or a rebuilt machine would decide otherwise.
  if (command == nullptr || !machine.remembers(decision.campaign, decision.offset)) return;
  batch_->commands.push_back({decision.campaign, command->idempotency_key, decision.offset, decision.outcome});
}

void PendingBatch::add_dead_letter(const ports::LogRecord& record, const ReadRecord& read,
                                   const issuance::Machine& machine, const HeadersOf& headers_of) {
  const auto* undecidable = std::get_if<issuance::Undecidable>(&read.input.event);
  // A failed replay leaves its origin open and breeds no dead letter of its own. Only the store's verdict must be kept,
  // for re-execution: as a row that is closed at once.
  if (undecidable == nullptr && !read.refused) return;
  ports::DeadLetterRow row;
  row.offset = record.offset;
  row.log_time = record.time;
  row.key = record.key;
  row.value = record.value;
  row.headers = headers_of(record);
  row.reason = undecidable == nullptr ? wire::store_refused : undecidable->reason;
  row.error = read.error;
  batch_->dead_letters.push_back(std::move(row));
  if (!machine.is_open_dead_letter(record.offset)) batch_->replays.push_back({record.offset, record.offset});
}

void PendingBatch::add(const ports::LogRecord& record, const ReadRecord& read, const issuance::Decision& decision,
                       const issuance::Machine& machine, const WinnerHash& winner_hash, const HeadersOf& headers_of) {
  using issuance::Outcome;
  if (empty() || record.time < facts_.oldest_record) facts_.oldest_record = record.time;
  ++facts_.records;
  ++facts_.outcomes.at(std::to_underlying(decision.outcome));

  std::uint64_t winner = 0;
  const issuance::Campaign* after = nullptr;
  if (decision.outcome == Outcome::issued) {
    const issuance::Campaign* campaign = machine.find(decision.campaign);
    OPENRUN_ASSERT(campaign != nullptr, "a coupon belongs to a campaign");
    add_coupon(read, decision, *campaign);
    winner = winner_hash(decision.campaign, batch_->coupons.back().user);
    touch(decision.campaign);
  } else if (issuance::is_command(decision.outcome)) {
    if (decision.outcome == Outcome::command_applied) {
      after = machine.find(decision.campaign);
      touch(decision.campaign);
    }
    add_command(read, decision, machine);
  } else if (decision.outcome == Outcome::dead_lettered) {
    add_dead_letter(record, read, machine, headers_of);
  }
  if (decision.origin) batch_->replays.push_back({*decision.origin, decision.offset});
  results_.add(decision, read.nonce, winner, after);
  if (const auto trace = parse_traceparent(record.traceparent)) results_.trace(*trace);
  batch_->next_offset = decision.offset + 1;
  last_value_ = record.value;
}

void PendingBatch::complete(CouponChains& chains) {
  chains.extend(batch_->partition, std::span(batch_->coupons).subspan(completed_));
  completed_ = batch_->coupons.size();
}

std::shared_ptr<const ports::CommitBatch> PendingBatch::seal(const issuance::Machine& machine, CouponChains& chains) {
  OPENRUN_ASSERT(!empty(), "an empty batch is never committed");
  OPENRUN_ASSERT(batch_->next_offset == machine.next_offset(), "the batch ends where the machine stands");
  batch_->fingerprint = wire::fingerprint(batch_->next_offset + -1, last_value_);
  batch_->log_time = machine.log_time();
  batch_->decision_version = machine.decision_version();
  complete(chains);
  batch_->campaigns.reserve(touched_.size());
  batch_->digests.reserve(touched_.size());
  for (const CampaignId id : touched_) {
    const issuance::Campaign* campaign = machine.find(id);
    OPENRUN_ASSERT(campaign != nullptr, "a touched campaign exists");
    batch_->campaigns.push_back(*campaign);
    batch_->digests.push_back(chains.head(id));
  }
  batch_->payload = results_.finish(batch_->campaigns, batch_->log_time);
  wire::append_digests(batch_->payload, batch_->digests);
  return std::move(batch_);
}

}  // namespace openrun::issuer
