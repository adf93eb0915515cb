// dispatch_per_second as a token bucket on the loop's monotonic time. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

namespace openrun::issuer {

class DispatchBucket {
 public:
  // Until the rate is known nothing may pass: a restart must not let through what an operator holds back.
  [[nodiscard]] bool known() const { return rate_.has_value(); }
  // 0: as fast as possible. Tokens earned at the old rate stay, up to the new burst.
  void set_rate(std::uint32_t per_second, std::int64_t now_us);
  // Takes one token; false where there is none. known() is asserted.
  [[nodiscard]] bool take(std::int64_t now_us);
  // When the next token is there; the past where it is already. At least wake_interval_us after `now_us` where it is
  // not.
  [[nodiscard]] std::int64_t next_token_us(std::int64_t now_us) const;

  // A burst is what 1/20 s earns, at least one request.
  static constexpr std::int64_t burst_us = 50'000;
  // High rates would otherwise wake the thread for every single token.
  static constexpr std::int64_t wake_interval_us = 1'000;

 private:
  void refill(std::int64_t now_us);
  [[nodiscard]] std::int64_t capacity() const;

  // In millionths of a token, so that a microsecond at rate r earns exactly r of them.
  static constexpr std::int64_t token = 1'000'000;
  std::optional<std::uint32_t> rate_;
  std::int64_t level_ = token;
  std::int64_t refilled_us_ = 0;
};

}  // namespace openrun::issuer
