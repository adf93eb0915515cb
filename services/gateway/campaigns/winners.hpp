// Who holds a coupon of a campaign that is being refused: 64-bit keyed hashes, loaded once from the store and extended
// by results. A miss is certain once the set is complete; a hit is only likely and must be looked up.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::gateway {

// Open addressing, at most 7/10 full: 12 to 23 bytes a hash. One thread at a time.
class HashSet {
 public:
  void insert(std::uint64_t hash);
  [[nodiscard]] bool contains(std::uint64_t hash) const;
  [[nodiscard]] std::size_t size() const { return size_ + (holds_zero_ ? 1 : 0); }

 private:
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash) const;
  void grow();
  std::vector<std::uint64_t> slots_;  // 0: free
  std::size_t size_ = 0;
  bool holds_zero_ = false;
};

// One campaign's winners. Complete up to sequence n means: the holders of 1..n are all in it. One thread at a time.
class WinnerSet {
 public:
  // Results tell sequences in any order, perhaps twice, and may leave some out.
  void add(Sequence sequence, std::uint64_t hash);
  // The store told all holders of sequences 1..issued.
  void loaded(std::uint32_t issued, std::span<const std::uint64_t> hashes);
  [[nodiscard]] bool complete(std::uint32_t issued) const { return covered_ >= issued; }
  [[nodiscard]] bool contains(std::uint64_t hash) const { return hashes_.contains(hash); }
  [[nodiscard]] std::size_t size() const { return hashes_.size(); }

 private:
  // Sequences that came before those below them. More than this means that a batch was lost: load again.
  static constexpr std::size_t ahead_max = 100'000;

  void close_gap();
  HashSet hashes_;
  std::uint32_t covered_ = 0;
  std::set<std::uint32_t> ahead_;
};

// All sets of this gateway. Any thread. Bounded by dropping the set that was not asked for the longest time.
class Winners {
 public:
  explicit Winners(std::size_t hashes_max) : hashes_max_(hashes_max) {}

  enum class Answer : std::uint8_t {
    unknown,  // not loaded, or not complete up to `issued`
    miss,     // certainly holds nothing
    hit,      // most likely holds a coupon
  };
  [[nodiscard]] Answer ask(CampaignId campaign, std::uint32_t issued, std::uint64_t hash);

  // Begins to collect what results tell, so that nothing is missed between the store's snapshot and its arrival. False
  // where a load is under way, or was begun less than `interval_us` ago.
  [[nodiscard]] bool begin_load(CampaignId campaign, std::int64_t now_us, std::int64_t interval_us);
  void loaded(CampaignId campaign, std::uint32_t issued, std::span<const std::uint64_t> hashes);
  void load_failed(CampaignId campaign);

  // The winners of a batch; of campaigns without a set nothing is kept.
  void apply(const wire::ResultBatch& batch);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    WinnerSet set;
    bool loading = false;
    std::int64_t begun_us = 0;
    std::list<CampaignId>::iterator place;  // in asked_
  };
  static constexpr std::size_t sets_max = 100'000;

  void was_asked(const Entry& entry) { asked_.splice(asked_.begin(), asked_, entry.place); }
  void make_room();

  const std::size_t hashes_max_;
  mutable std::mutex mutex_;
  std::unordered_map<CampaignId, Entry> sets_;
  // Thousands of campaigns may sell out within a second: neither the count nor the oldest is looked for among all sets.
  std::list<CampaignId> asked_;  // those of sets_, the newest first
  std::size_t held_ = 0;         // hashes of all sets together
};

}  // namespace openrun::gateway
