// Token buckets for millions of keys in a table of fixed size.
//
// A bucket is one number by the Generic Cell Rate Algorithm (ITU-T Recommendation I.371, virtual scheduling): the
// theoretical arrival time, which every admitted call moves on by one interval. A call may be early by the burst's
// worth of intervals, and a bucket whose time has passed is full, the same as one that was never seen.
//
// The table is an array of sets of four slots of 16 bytes; a key's set and tag come from SipHash under a random key, so
// nobody can choose keys that meet. A new key takes a slot that is empty or full again. Where four others are in use,
// it takes that of whoever has taken the least: that one begins anew with a full bucket. So the limiter fails open:
// nobody is ever refused for what others did, and who has taken the most is forgotten last. Two keys of one tag (of 64
// bits) would share a bucket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace openrun::gateway {

struct Rate {
  std::int64_t per_second = 0;  // 0: none; at most 1,000,000
  std::int64_t burst = 1;       // 1 or more

  [[nodiscard]] bool is_on() const { return per_second > 0; }
  [[nodiscard]] std::int64_t interval_us() const { return 1'000'000 / per_second; }
};

// Any thread; a call holds one of many mutexes for some ten nanoseconds.
class Limiter {
 public:
  struct Answer {
    bool admitted = true;
    bool forgot = false;              // another key's bucket was given up
    std::int64_t remaining = 0;       // calls that would be admitted now
    std::int64_t full_after_us = 0;   // until the whole burst is there again
    std::int64_t retry_after_us = 0;  // until the next one is admitted; 0 where admitted
  };

  // At least four slots; rounded up to a power of two.
  explicit Limiter(std::size_t slots);

  // `kind` keeps keys of different meaning apart. The rate must be on (asserted) and the same for a kind.
  [[nodiscard]] Answer take(char kind, std::span<const std::uint8_t> key, const Rate& rate, std::int64_t now_us);
  [[nodiscard]] Answer take(char kind, std::string_view key, const Rate& rate, std::int64_t now_us);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Slot {
    std::uint64_t tag = 0;  // 0: empty
    std::int64_t arrival_us = 0;
  };
  static_assert(sizeof(Slot) == 16);
  static constexpr std::size_t slots_per_set = 4;
  using Set = std::array<Slot, slots_per_set>;  // one line of the cache
  struct alignas(64) Guard {
    std::mutex mutex;
  };
  static constexpr std::size_t guards_count = 256;

  [[nodiscard]] static Slot& slot_of(Set& set, std::uint64_t tag, std::int64_t now_us, bool& forgot);

  std::uint64_t k0_ = 0;
  std::uint64_t k1_ = 0;
  std::vector<Set> sets_;
  std::unique_ptr<Guard[]> guards_;
};

}  // namespace openrun::gateway
