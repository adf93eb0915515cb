// Latencies counted in buckets that grow by a quarter of an octave: enough for percentiles within a fifth of the truth,
// small enough to keep some hundreds of them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace openrun::gateway {

inline constexpr std::size_t latency_buckets = 72;  // 0.25 ms to 65 s; what is shorter or longer is in the outermost

struct LatencyCounts {
  std::array<std::uint32_t, latency_buckets> of{};

  void add(const LatencyCounts& other) {
    for (std::size_t i = 0; i < latency_buckets; ++i) of[i] += other.of[i];
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const std::uint32_t one : of) all += one;
    return all;
  }
  // Milliseconds below which `share` (0 to 1) of them are: the upper end of a bucket. Empty where nothing was counted.
  [[nodiscard]] std::optional<double> percentile_ms(double share) const {
    const std::uint64_t all = count();
    if (all == 0) return std::nullopt;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < latency_buckets; ++bucket) {
      seen += of[bucket];
      if (seen >= wanted && seen > 0) break;
    }
    return upper_ms(bucket);
  }

  static constexpr double lowest_ms = 0.25;
  [[nodiscard]] static double upper_ms(std::size_t bucket) {
    return lowest_ms * std::exp2(static_cast<double>(bucket) / 4);
  }
  [[nodiscard]] static std::size_t bucket_of(double ms) {
    if (!(ms > lowest_ms)) return 0;
    const auto bucket = static_cast<std::size_t>(std::ceil(std::log2(ms / lowest_ms) * 4));
    return std::min(bucket, latency_buckets - 1);
  }
};

// Counts since it was made; any thread, without a lock. Counts wrap around, so differences of two readings are right.
class LatencyTally {
 public:
  void observe(double seconds) { of_[LatencyCounts::bucket_of(seconds * 1e3)].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] LatencyCounts read() const {
    LatencyCounts counts;
    for (std::size_t i = 0; i < latency_buckets; ++i) counts.of[i] = of_[i].load(std::memory_order_relaxed);
    return counts;
  }

 private:
  std::array<std::atomic<std::uint32_t>, latency_buckets> of_{};
};

}  // namespace openrun::gateway
