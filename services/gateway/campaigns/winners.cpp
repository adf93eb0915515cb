#include "gateway/campaigns/winners.hpp"

#include <algorithm>

namespace openrun::gateway {

std::size_t HashSet::slot_of(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(hash) & mask;
  while (slots_[slot] != 0 && slots_[slot] != hash) slot = (slot + 1) & mask;
  return slot;
}

void HashSet::grow() {
  std::vector<std::uint64_t> old = std::move(slots_);
  slots_.assign(std::max<std::size_t>(old.size() * 2, 8), 0);
  for (const std::uint64_t hash : old) {
    if (hash != 0) slots_[slot_of(hash)] = hash;
  }
}

void HashSet::insert(std::uint64_t hash) {
  if (hash == 0) {
    holds_zero_ = true;
    return;
  }
  if ((size_ + 1) * 10 > slots_.size() * 7) grow();
  std::uint64_t& slot = slots_[slot_of(hash)];
  if (slot == hash) return;
  slot = hash;
  ++size_;
}

bool HashSet::contains(std::uint64_t hash) const {
  if (hash == 0) return holds_zero_;
  return !slots_.empty() && slots_[slot_of(hash)] == hash;
}

void WinnerSet::close_gap() {
  while (!ahead_.empty() && *ahead_.begin() <= covered_ + 1) {
    covered_ = std::max(covered_, *ahead_.begin());
    ahead_.erase(ahead_.begin());
  }
}

void WinnerSet::add(Sequence sequence, std::uint64_t hash) {
  if (sequence.value <= covered_) return;
  hashes_.insert(hash);
  if (sequence.value == covered_ + 1) {
    covered_ = sequence.value;
    close_gap();
    return;
  }
  ahead_.insert(sequence.value);
  if (ahead_.size() > ahead_max) ahead_.clear();
}

void WinnerSet::loaded(std::uint32_t issued, std::span<const std::uint64_t> hashes) {
  for (const std::uint64_t hash : hashes) hashes_.insert(hash);
  covered_ = std::max(covered_, issued);
  close_gap();
}

Winners::Answer Winners::ask(CampaignId campaign, std::uint32_t issued, std::uint64_t hash) {
  std::lock_guard lock(mutex_);
  const auto found = sets_.find(campaign);
  if (found == sets_.end()) return Answer::unknown;
  was_asked(found->second);
  if (!found->second.set.complete(issued)) return Answer::unknown;
  return found->second.set.contains(hash) ? Answer::hit : Answer::miss;
}

bool Winners::begin_load(CampaignId campaign, std::int64_t now_us, std::int64_t interval_us) {
  std::lock_guard lock(mutex_);
  const auto [at, made] = sets_.try_emplace(campaign);
  Entry& entry = at->second;
  if (made) entry.place = asked_.insert(asked_.begin(), campaign);
  if (entry.loading || (entry.begun_us != 0 && now_us - entry.begun_us < interval_us)) return false;
  entry.loading = true;
  entry.begun_us = now_us;
  was_asked(entry);
  return true;
}

void Winners::loaded(CampaignId campaign, std::uint32_t issued, std::span<const std::uint64_t> hashes) {
  std::lock_guard lock(mutex_);
  const auto found = sets_.find(campaign);
  if (found == sets_.end()) return;
  Entry& entry = found->second;
  entry.loading = false;
  held_ -= entry.set.size();
  entry.set.loaded(issued, hashes);
  held_ += entry.set.size();
  make_room();
}

void Winners::load_failed(CampaignId campaign) {
  std::lock_guard lock(mutex_);
  const auto found = sets_.find(campaign);
  if (found != sets_.end()) found->second.loading = false;
}

void Winners::apply(const wire::ResultBatch& batch) {
  std::lock_guard lock(mutex_);
  if (sets_.empty()) return;
  CampaignId last;
  WinnerSet* set = nullptr;
  for (const wire::OutcomeEntry& entry : batch.entries) {
    if (entry.outcome != issuance::Outcome::issued) continue;
    if (entry.campaign != last) {
      last = entry.campaign;
      const auto found = sets_.find(last);
      set = found == sets_.end() ? nullptr : &found->second.set;
    }
    if (set == nullptr) continue;
    held_ -= set->size();
    set->add(entry.sequence, entry.winner);
    held_ += set->size();
  }
}

void Winners::make_room() {
  while ((held_ > hashes_max_ && sets_.size() > 1) || sets_.size() > sets_max) {
    const auto oldest = sets_.find(asked_.back());
    asked_.pop_back();
    held_ -= oldest->second.set.size();
    sets_.erase(oldest);
  }
}

std::size_t Winners::size() const {
  std::lock_guard lock(mutex_);
  return held_;
}

}  // namespace openrun::gateway
