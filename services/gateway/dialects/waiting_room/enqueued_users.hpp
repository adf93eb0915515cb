// Whom this gateway has enqueued lately: user (by its keyed hash with the campaign) -> place in the log. Of fixed size:
// the newest of those whose hashes meet stay. Any thread; a lock is held for one bucket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/crypto/receipt.hpp>

namespace openrun::gateway::dialects {

class EnqueuedUsers {
 public:
  // `users_max` is rounded up to whole buckets. Memory is taken when somebody is put.
  explicit EnqueuedUsers(std::size_t users_max);

  // A user who is there already gets the new place.
  void put(std::uint64_t hash, const crypto::Receipt& place);
  [[nodiscard]] std::optional<crypto::Receipt> find(std::uint64_t hash, CampaignId campaign);

  static constexpr std::size_t bucket_entries = 4;

 private:
  static constexpr std::size_t shards = 16;
  struct Entry {
    std::uint64_t hash = 0;  // 0: free
    std::int64_t offset = 0;
    std::uint32_t nonce = 0;
    std::int32_t partition = 0;
  };
  using Bucket = std::array<Entry, bucket_entries>;  // the newest first
  struct Shard {
    std::mutex mutex;
    std::vector<Bucket> buckets;
  };

  [[nodiscard]] Shard& shard_of(std::uint64_t hash) { return shards_[hash % shards]; }
  [[nodiscard]] std::size_t bucket_of(std::uint64_t hash) const { return hash / shards % buckets_per_shard_; }

  std::size_t buckets_per_shard_;
  std::array<Shard, shards> shards_;
};

}  // namespace openrun::gateway::dialects
