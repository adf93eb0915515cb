#include "gateway/dialects/waiting_room/enqueued_users.hpp"

#include <algorithm>

namespace openrun::gateway::dialects {
namespace {

std::uint64_t taken(std::uint64_t hash) {
  return hash == 0 ? 1 : hash;
}

}  // namespace

EnqueuedUsers::EnqueuedUsers(std::size_t users_max)
    : buckets_per_shard_(
          std::max<std::size_t>((users_max + bucket_entries * shards - 1) / (bucket_entries * shards), 1)) {}

void EnqueuedUsers::put(std::uint64_t hash, const crypto::Receipt& place) {
  hash = taken(hash);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  if (shard.buckets.empty()) shard.buckets.resize(buckets_per_shard_);
  Bucket& bucket = shard.buckets[bucket_of(hash)];
  auto leaving = std::ranges::find(bucket, hash, &Entry::hash);
  if (leaving == bucket.end()) leaving = bucket.end() - 1;
  std::move_backward(bucket.begin(), leaving, leaving + 1);
  bucket.front() = {hash, place.offset.value, place.nonce, place.partition.value};
}

std::optional<crypto::Receipt> EnqueuedUsers::find(std::uint64_t hash, CampaignId campaign) {
  hash = taken(hash);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  if (shard.buckets.empty()) return std::nullopt;
  const Bucket& bucket = shard.buckets[bucket_of(hash)];
  const auto found = std::ranges::find(bucket, hash, &Entry::hash);
  if (found == bucket.end()) return std::nullopt;
  return crypto::Receipt{Partition{found->partition}, Offset{found->offset}, campaign, found->nonce};
}

}  // namespace openrun::gateway::dialects
