#include "cli/start_state.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::cli {
namespace {

class Builder {
 public:
  Builder(const ports::StoredCheckpoint& checkpoint, Offset from) : from_(from) {
    state_.snapshot.partition = checkpoint.partition;
    state_.snapshot.next_offset = from;
    state_.snapshot.decision_version = checkpoint.decision_version;
  }

  // What the newest results below `from` say about campaigns and about the time.
  Result<void> read_outbox(RowStream<ports::StoredOutboxRow>& outbox) {
    auto taken = outbox.take_while([&](const auto& row) { return row.last_offset < from_; },
                                   [&](const auto& row) { read_batch(row.payload, true); });
    if (!taken) return taken;
    const auto straddling = outbox.peek();
    if (!straddling) return std::unexpected(straddling.error());
    if (*straddling != nullptr && (*straddling)->first_offset < from_) read_batch((*straddling)->payload, false);
    return {};
  }

  void place(const ports::StoredCampaignRow& row) {
    const CampaignId id = row.campaign.id;
    // Its first command created it.
    if (row.first_command && *row.first_command >= from_) return;
    const auto result = results_.find(id);
    if (row.campaign.terms_offset < from_) {
      campaigns_.emplace(id, row.campaign);
    } else if (result != results_.end()) {
      campaigns_.emplace(id, result->second);
    } else {
      state_.unknown.insert(id);
      return;
    }
    Place& placed = places_[id];
    placed.head = crypto::chain_start(id);
    at_least(campaigns_.at(id).updated_at);
  }

  void take(const ports::StoredCoupon& row) {
    const auto found = places_.find(row.campaign);
    if (found == places_.end()) return;
    Place& place = found->second;
    place.head = crypto::chain_next(place.head, {row.sequence, row.request_partition, row.request_offset, row.issued_at,
                                                 row.valid_until, row.user, row.idempotency_key, row.code});
    at_least(row.issued_at);
    // What the core could not hold is no coupon that it has given.
    if (row.user.size() > limits::user_id_bytes_max || row.idempotency_key.size() > limits::idempotency_key_bytes_max ||
        place.detail.claims.find(row.user, row.idempotency_key)) {
      return;
    }
    place.detail.claims.insert(row.user, row.idempotency_key, {row.sequence, row.issued_at, row.request_nonce});
  }

  void take(const ports::CommandRow& row) {
    const auto found = places_.find(row.campaign);
    if (found == places_.end()) return;
    auto& commands = found->second.detail.commands;
    commands.push_back({row.idempotency_key, row.offset});
    if (commands.size() > limits::command_keys_remembered) commands.pop_front();
  }

  void take(const ports::StoredDeadLetter& row) {
    at_least(row.row.log_time);
    const bool resolved = row.final_offset ? *row.final_offset < from_ : row.discarded;
    if (!resolved) state_.snapshot.open_dead_letters.push_back(row.row.offset);
  }

  StartState finish() {
    for (auto& [id, place] : places_) {
      issuance::Campaign& campaign = campaigns_.at(id);
      campaign.issued = static_cast<std::uint32_t>(place.detail.claims.size());
      state_.snapshot.campaigns.push_back(campaign);
      state_.heads.emplace(id, place.head);
      state_.details.emplace(id, std::move(place.detail));
    }
    return std::move(state_);
  }

 private:
  struct Place {
    issuance::CampaignDetail detail;
    Digest head{};
  };

  void at_least(Timestamp time) { state_.snapshot.log_time = std::max(state_.snapshot.log_time, time); }

  void read_batch(const std::string& payload, bool whole) {
    const auto batch = wire::decode_result_batch(payload);
    if (!batch) return;
    if (whole) at_least(batch->log_time);
    for (const wire::CommandResult& command : batch->commands) {
      if (command.after && command.offset < from_) results_.insert_or_assign(command.after->id, *command.after);
    }
  }

  const Offset from_;
  StartState state_;
  std::map<CampaignId, issuance::Campaign> results_;
  std::map<CampaignId, issuance::Campaign> campaigns_;
  std::map<CampaignId, Place> places_;
};

}  // namespace

Result<StartState> state_from_rows(const ports::StoredCheckpoint& checkpoint, Offset from,
                                   const std::vector<ports::StoredCampaignRow>& campaigns, RowStreams& streams) {
  Builder builder(checkpoint, from);
  if (from > Offset{0}) {
    if (auto read = builder.read_outbox(streams.outbox); !read) return std::unexpected(read.error());
    for (const ports::StoredCampaignRow& row : campaigns) builder.place(row);
    const auto take = [&](const auto& row) { builder.take(row); };
    auto done = streams.coupons.take_while([&](const auto& row) { return row.request_offset < from; }, take);
    if (done) done = streams.commands.take_while([&](const auto& row) { return row.offset < from; }, take);
    if (done) done = streams.dead_letters.take_while([&](const auto& row) { return row.row.offset < from; }, take);
    if (!done) return std::unexpected(done.error());
  }
  return builder.finish();
}

}  // namespace openrun::cli
