#include <algorithm>

#include <openrun/sim/database.hpp>

namespace openrun::sim {
namespace {

using ports::CommitAnswer;
using ports::CommitOutcome;

constexpr std::size_t history_max = 8;

}  // namespace

// ---- its health ----

void Database::set_down(bool down) {
  down_ = down;
  if (down) open_.clear();
}

Result<void> Database::readable() const {
  if (down_) return fail(Error::Kind::unavailable, "the database cannot be reached");
  return {};
}

Result<void> Database::writable() const {
  if (full_ && !down_) return fail(Error::Kind::unavailable, "53100: no space left on device");
  return readable();
}

// ---- taking over ----

ports::TakenOver Database::state(Partition partition) {
  const PartitionRows& rows = partitions_[partition];
  ports::TakenOver taken;
  taken.epoch = rows.epoch;
  taken.fingerprint = rows.fingerprint;
  taken.snapshot.partition = partition;
  taken.snapshot.next_offset = rows.next_offset;
  taken.snapshot.log_time = rows.log_time;
  taken.snapshot.decision_version = rows.decision_version;
  for (const auto& [id, campaign] : campaigns_) {
    if (campaign.row.partition != partition) continue;
    taken.snapshot.campaigns.push_back(campaign.row.campaign);
    taken.digests.push_back(campaign.digest);
  }
  for (const auto& [offset, letter] : rows.dead_letters) {
    if (!letter.final_offset) taken.snapshot.open_dead_letters.push_back(offset);
  }
  return taken;
}

Result<ports::TakenOver> Database::take_over(Partition partition) {
  if (auto good = writable(); !good) return std::unexpected(good.error());
  std::erase_if(open_, [&](const auto& open) { return open.second.partition == partition; });
  ++partitions_[partition].epoch.value;
  return state(partition);
}

Result<ports::TakenOver> Database::rebuild(Partition partition, Epoch epoch) {
  if (auto good = readable(); !good) return std::unexpected(good.error());
  std::erase_if(open_,
                [&](const auto& open) { return open.second.partition == partition && open.second.epoch == epoch; });
  if (partitions_[partition].epoch != epoch) {
    return fail(Error::Kind::conflict, "another writer has taken this partition over");
  }
  return state(partition);
}

Result<std::vector<issuance::CampaignDetail>> Database::load_details(std::span<const CampaignId> campaigns,
                                                                     Partition partition, Epoch epoch,
                                                                     std::uint64_t hash_seed) {
  if (auto good = readable(); !good) return std::unexpected(good.error());
  if (partitions_[partition].epoch != epoch) {
    return fail(Error::Kind::conflict, "another writer has taken this partition over");
  }
  std::vector<issuance::CampaignDetail> details;
  for (const CampaignId campaign : campaigns) {
    auto& detail = details.emplace_back(issuance::ClaimTable(hash_seed), std::deque<issuance::RememberedCommand>{});
    const CampaignRows* rows = find(campaign);
    if (rows == nullptr) continue;
    for (const auto& [sequence, row] : rows->coupons) {
      detail.claims.insert(row.user, row.idempotency_key, {sequence, row.issued_at, row.request_nonce});
    }
    for (const ports::CommandRow& row : rows->commands) detail.commands.push_back({row.idempotency_key, row.offset});
  }
  return details;
}

// ---- commits ----

std::optional<CommitAnswer> Database::refusal(const ports::CommitBatch& batch) {
  const PartitionRows& rows = partitions_[batch.partition];
  if (rows.epoch != batch.epoch || rows.next_offset != batch.expected_next_offset) {
    return CommitAnswer{CommitOutcome::fenced, "OR001: the checkpoint is not where it was expected", false};
  }
  std::set<ClaimKey> claimed;
  for (const ports::CouponRow& row : batch.coupons) {
    if (refuses && refuses(row)) return CommitAnswer{CommitOutcome::refused, "22P05: untranslatable character", false};
    const ClaimKey claim{row.campaign, row.user, row.idempotency_key};
    const CampaignRows* campaign = find(row.campaign);
    const bool there = campaign != nullptr && campaign->coupons.contains(row.sequence);
    if (there || claims_.contains(claim) || !claimed.insert(claim).second) {
      return CommitAnswer{CommitOutcome::conflict, "23505: duplicate key", false};
    }
  }
  if (rows.outbox.contains(batch.expected_next_offset)) {
    return CommitAnswer{CommitOutcome::conflict, "23505: duplicate key of outbox", false};
  }
  for (const ports::DeadLetterRow& row : batch.dead_letters) {
    if (rows.dead_letters.contains(row.offset)) {
      return CommitAnswer{CommitOutcome::conflict, "23505: duplicate key of dead_letter", false};
    }
  }
  return std::nullopt;
}

bool Database::has_open(Partition partition) const {
  return std::ranges::any_of(open_, [&](const auto& open) { return open.second.partition == partition; });
}

std::optional<CommitAnswer> Database::begin(BackendId backend, const ports::CommitBatch& batch) {
  if (auto good = writable(); !good) return CommitAnswer{CommitOutcome::rolled_back, good.error().message, false};
  if (has_open(batch.partition)) {
    return CommitAnswer{CommitOutcome::rolled_back, "55P03: the checkpoint is locked by somebody else", false};
  }
  if (auto answer = refusal(batch)) return answer;
  open_.emplace(backend, batch);
  return std::nullopt;
}

bool Database::end(BackendId backend, bool probe) {
  const auto found = open_.find(backend);
  if (found == open_.end()) return false;
  const ports::CommitBatch batch = std::move(found->second);
  open_.erase(found);
  if (probe) return true;
  apply(batch);
  if (on_commit) on_commit(batch);
  return true;
}

void Database::apply(const ports::CommitBatch& batch) {
  PartitionRows& rows = partitions_[batch.partition];
  for (const issuance::Campaign& campaign : batch.campaigns) {
    CampaignRows& target = campaigns_[campaign.id];
    // The home of a campaign never changes; created twice in two partitions would be two rows of one key.
    const bool is_new = target.history.empty();
    target.row = {campaign, is_new ? batch.partition : target.row.partition, batch.next_offset + -1};
    target.history.emplace_back(scheduler_.now_us(), target.row);
    if (target.history.size() > history_max) target.history.pop_front();
  }
  for (std::size_t i = 0; i < batch.digests.size(); ++i) campaigns_[batch.campaigns[i].id].digest = batch.digests[i];
  for (const ports::CouponRow& row : batch.coupons) {
    campaigns_[row.campaign].coupons.emplace(row.sequence, row);
    claims_.emplace(ClaimKey{row.campaign, row.user, row.idempotency_key}, row.sequence);
  }
  for (const ports::CommandRow& row : batch.commands) campaigns_[row.campaign].commands.push_back(row);
  for (const ports::DeadLetterRow& row : batch.dead_letters) {
    rows.dead_letters.emplace(row.offset, DeadLetter{row, next_id_++, now(), false, std::nullopt});
  }
  for (const ports::ReplayRow& row : batch.replays) {
    const auto letter = rows.dead_letters.find(row.origin);
    if (letter != rows.dead_letters.end() && !letter->second.final_offset) {
      letter->second.final_offset = row.final_offset;
    }
  }
  rows.outbox.emplace(batch.expected_next_offset, OutboxRow{batch.next_offset + -1, batch.payload, now()});
  rows.next_offset = batch.next_offset;
  rows.log_time = batch.log_time;
  rows.fingerprint = batch.fingerprint;
  rows.decision_version = batch.decision_version;
}

// ---- tables ----

const CampaignRows* Database::find(CampaignId campaign) const {
  const auto found = campaigns_.find(campaign);
  return found == campaigns_.end() ? nullptr : &found->second;
}

const ports::CouponRow* Database::coupon_of(CampaignId campaign, std::string_view user, std::string_view key) const {
  const auto claim = claims_.find(std::make_tuple(campaign, user, key));
  if (claim == claims_.end()) return nullptr;
  const CampaignRows* rows = find(campaign);
  const auto row = rows->coupons.find(claim->second);
  return row == rows->coupons.end() ? nullptr : &row->second;
}

ports::Reservation Database::reserve(std::string_view key, std::int32_t partitions) {
  if (const auto found = reservations_.find(key); found != reservations_.end()) return found->second;
  const CampaignId id{static_cast<std::uint32_t>(reservations_.size() + 1)};
  const ports::Reservation reservation{id, home_partition(id, partitions)};
  reservations_.emplace(key, reservation);
  return reservation;
}

issuance::StoredCampaign Database::counted(CampaignId campaign) const {
  issuance::StoredCampaign counted;
  counted.campaign = campaign;
  const CampaignRows* rows = find(campaign);
  if (rows == nullptr) return counted;
  counted.stock = rows->row.campaign.terms.stock;
  counted.issued = rows->row.campaign.issued;
  counted.coupons = static_cast<std::int64_t>(rows->coupons.size());
  if (!rows->coupons.empty()) {
    counted.sequence_min = rows->coupons.begin()->first.value;
    counted.sequence_max = rows->coupons.rbegin()->first.value;
  }
  for (const auto& [sequence, row] : rows->coupons) {
    counted.offset_max = std::max(counted.offset_max, row.request_offset.value);
  }
  const auto home = partitions_.find(rows->row.partition);
  if (home != partitions_.end()) counted.next_offset = home->second.next_offset.value;
  return counted;
}

}  // namespace openrun::sim
