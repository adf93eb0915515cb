#include "issuer/testing/fake_store.hpp"

#include <algorithm>
#include <chrono>

namespace openrun::testing {

using ports::CommitAnswer;
using ports::CommitOutcome;

ports::TakenOver FakeDatabase::snapshot(Partition partition) const {
  const PartitionState& state = partitions_.at(partition);
  ports::TakenOver taken;
  taken.epoch = state.epoch;
  taken.fingerprint = state.fingerprint;
  taken.snapshot.partition = partition;
  taken.snapshot.next_offset = state.next_offset;
  taken.snapshot.log_time = state.log_time;
  taken.snapshot.decision_version = state.decision_version;
  for (const auto& [id, campaign] : state.campaigns) {
    taken.snapshot.campaigns.push_back(campaign);
    const auto digest = state.digests.find(id);
    taken.digests.push_back(digest == state.digests.end() ? Digest{} : digest->second);
  }
  for (const auto& [offset, row] : state.dead_letters) {
    if (!state.final_offsets.contains(offset)) taken.snapshot.open_dead_letters.push_back(offset);
  }
  return taken;
}

ports::TakenOver FakeDatabase::take_over(Partition partition) {
  const std::lock_guard lock(mutex_);
  ++partitions_[partition].epoch.value;
  return snapshot(partition);
}

Result<ports::TakenOver> FakeDatabase::read(Partition partition, Epoch epoch) {
  const std::lock_guard lock(mutex_);
  if (partitions_[partition].epoch != epoch) return fail(Error::Kind::conflict, "the epoch is another one");
  return snapshot(partition);
}

Result<issuance::CampaignDetail> FakeDatabase::detail(CampaignId campaign, std::uint64_t hash_seed) {
  const std::lock_guard lock(mutex_);
  if (details_fenced_) return fail(Error::Kind::conflict, "another writer has taken this partition over");
  issuance::CampaignDetail detail{issuance::ClaimTable(hash_seed), {}};
  for (const auto& [partition, state] : partitions_) {
    for (const auto& [key, row] : state.coupons) {
      if (key.first == campaign)
        detail.claims.insert(row.user, row.idempotency_key, {row.sequence, row.issued_at, row.request_nonce});
    }
    for (const auto& [key, row] : state.commands) {
      if (key.first == campaign) detail.commands.push_back({row.idempotency_key, row.offset});
    }
  }
  return detail;
}

std::optional<CommitAnswer> FakeDatabase::fault(const ports::CommitBatch& batch) const {
  const PartitionState& state = partitions_.at(batch.partition);
  if (state.epoch != batch.epoch || state.next_offset != batch.expected_next_offset) {
    return CommitAnswer{CommitOutcome::fenced, "the checkpoint is not where it was expected"};
  }
  if (batch.next_offset - batch.expected_next_offset > records_in_time_) {
    return CommitAnswer{
        .outcome = CommitOutcome::rolled_back, .message = "57014: statement timeout", .timed_out = true};
  }
  for (const ports::CouponRow& row : batch.coupons) {
    if (refused_users_.contains(row.user))
      return CommitAnswer{CommitOutcome::refused, "22P05: untranslatable character"};
    if (state.coupons.contains({row.campaign, row.sequence}) ||
        state.claims.contains({row.user, row.campaign, row.idempotency_key})) {
      return CommitAnswer{CommitOutcome::conflict, "23505: duplicate key"};
    }
  }
  for (const ports::DeadLetterRow& row : batch.dead_letters) {
    if (refused_dead_letters_.contains(row.offset)) return CommitAnswer{CommitOutcome::refused, "22021: bad byte"};
  }
  return std::nullopt;
}

void FakeDatabase::apply(PartitionState& state, const ports::CommitBatch& batch) {
  for (const ports::CouponRow& row : batch.coupons) {
    state.coupons.emplace(std::pair{row.campaign, row.sequence}, row);
    state.claims.emplace(row.user, row.campaign, row.idempotency_key);
  }
  for (const issuance::Campaign& campaign : batch.campaigns) state.campaigns[campaign.id] = campaign;
  for (std::size_t i = 0; i < batch.digests.size(); ++i) state.digests[batch.campaigns[i].id] = batch.digests[i];
  for (const ports::CommandRow& row : batch.commands) state.commands.emplace(std::pair{row.campaign, row.offset}, row);
  for (const ports::DeadLetterRow& row : batch.dead_letters) state.dead_letters.emplace(row.offset, row);
  for (const ports::ReplayRow& row : batch.replays) state.final_offsets.emplace(row.origin, row.final_offset);
  state.outbox.emplace(batch.expected_next_offset, batch.payload);
  state.next_offset = batch.next_offset;
  state.log_time = batch.log_time;
  state.fingerprint = batch.fingerprint;
  state.decision_version = batch.decision_version;
}

CommitAnswer FakeDatabase::commit(const ports::CommitBatch& batch, bool probe) {
  const std::lock_guard lock(mutex_);
  partitions_[batch.partition];
  if (auto answer = fault(batch)) return *answer;
  if (!probe) {
    apply(partitions_.at(batch.partition), batch);
    changed_.notify_all();
  }
  return {CommitOutcome::committed, ""};
}

void FakeDatabase::set_records_in_time(std::int64_t records) {
  const std::lock_guard lock(mutex_);
  records_in_time_ = records;
}

FakeDatabase::PartitionState FakeDatabase::state(Partition partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? PartitionState{} : found->second;
}

bool FakeDatabase::wait_for_next_offset(Partition partition, Offset next_offset) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
    const auto found = partitions_.find(partition);
    return found != partitions_.end() && found->second.next_offset >= next_offset;
  });
}

void FakeDatabase::refuse_user(const std::string& user) {
  const std::lock_guard lock(mutex_);
  refused_users_.insert(user);
}

void FakeDatabase::refuse_no_user() {
  const std::lock_guard lock(mutex_);
  refused_users_.clear();
}

void FakeDatabase::fence_details() {
  const std::lock_guard lock(mutex_);
  details_fenced_ = true;
}

void FakeDatabase::refuse_dead_letter(Offset offset) {
  const std::lock_guard lock(mutex_);
  refused_dead_letters_.insert(offset);
}

void FakeDatabase::set_dispatch(std::uint32_t per_second) {
  const std::lock_guard lock(mutex_);
  dispatch_ = per_second;
}

std::uint32_t FakeDatabase::dispatch() const {
  const std::lock_guard lock(mutex_);
  return dispatch_;
}

void FakeDatabase::accept_dead_letters(Offset first, Offset last) {
  const std::lock_guard lock(mutex_);
  accepted_.emplace_back(first, last);
}

bool FakeDatabase::accepted(Offset first, Offset last) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(accepted_,
                             [&](const auto& range) { return range.first <= first && last <= range.second; });
}

void FakeDatabase::set_down(bool down) {
  const std::lock_guard lock(mutex_);
  down_ = down;
}

bool FakeDatabase::is_down() const {
  const std::lock_guard lock(mutex_);
  return down_;
}

void FakeDatabase::edit(Partition partition, const std::function<void(PartitionState&)>& change) {
  const std::lock_guard lock(mutex_);
  change(partitions_[partition]);
}

namespace {

std::unexpected<Error> down() {
  return fail(Error::Kind::unavailable, "the database is down");
}

}  // namespace

Result<ports::TakenOver> FakeStore::take_over(Partition partition) {
  if (database_.is_down()) return down();
  return database_.take_over(partition);
}

Result<ports::TakenOver> FakeStore::rebuild(Partition partition, Epoch epoch) {
  if (database_.is_down()) return down();
  return database_.read(partition, epoch);
}

Result<std::vector<issuance::CampaignDetail>> FakeStore::load_details(std::span<const CampaignId> campaigns,
                                                                      std::uint64_t hash_seed) {
  if (database_.is_down()) return down();
  std::vector<issuance::CampaignDetail> details;
  for (const CampaignId campaign : campaigns) {
    auto detail = database_.detail(campaign, hash_seed);
    if (!detail) return std::unexpected(std::move(detail.error()));
    details.push_back(std::move(*detail));
  }
  return details;
}

CommitAnswer FakeStore::commit(const ports::CommitBatch& batch) {
  if (database_.is_down()) return {CommitOutcome::rolled_back, "the database is down"};
  return database_.commit(batch, false);
}

CommitAnswer FakeStore::probe(const ports::CommitBatch& batch) {
  if (database_.is_down()) return {CommitOutcome::rolled_back, "the database is down"};
  return database_.commit(batch, true);
}

Result<std::uint32_t> FakeStore::dispatch_per_second(Partition /*partition*/) {
  if (database_.is_down()) return down();
  return database_.dispatch();
}

Result<bool> FakeStore::dead_letters_accepted(Partition /*partition*/, Offset first, Offset last) {
  if (database_.is_down()) return down();
  return database_.accepted(first, last);
}

}  // namespace openrun::testing
