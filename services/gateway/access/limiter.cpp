#include "gateway/access/limiter.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::gateway {
namespace {

// Longer keys are users; the hash takes their whole text all the same.
constexpr std::size_t key_bytes_inline = 320;

}  // namespace

Limiter::Limiter(std::size_t slots)
    : sets_(std::max<std::size_t>(std::bit_ceil(slots) / slots_per_set, 1)),
      guards_(std::make_unique<Guard[]>(guards_count)) {
  std::array<std::uint8_t, 16> key{};
  crypto::random_bytes(key);
  std::memcpy(&k0_, key.data(), sizeof k0_);
  std::memcpy(&k1_, key.data() + sizeof k0_, sizeof k1_);
}

Limiter::Slot& Limiter::slot_of(Set& set, std::uint64_t tag, std::int64_t now_us, bool& forgot) {
  Slot* chosen = &set.front();
  for (Slot& slot : set) {
    if (slot.tag == tag) return slot;
    if (slot.arrival_us < chosen->arrival_us) chosen = &slot;
  }
  // An empty slot's time is 0: the earliest of all.
  forgot = chosen->tag != 0 && chosen->arrival_us > now_us;
  *chosen = {tag, 0};
  return *chosen;
}

Limiter::Answer Limiter::take(char kind, std::span<const std::uint8_t> key, const Rate& rate, std::int64_t now_us) {
  OPENRUN_ASSERT(rate.is_on() && rate.burst > 0 && key.size() < key_bytes_inline,
                 "a limit has a rate, and keys a bound");
  std::array<std::uint8_t, key_bytes_inline> message;
  message[0] = static_cast<std::uint8_t>(kind);
  std::ranges::copy(key, message.begin() + 1);
  const std::uint64_t hash = crypto::siphash_2_4(k0_, k1_, std::span(message).first(key.size() + 1));
  const std::size_t index = hash & (sets_.size() - 1);
  const std::uint64_t tag = hash == 0 ? 1 : hash;

  const std::int64_t interval_us = rate.interval_us();
  const std::int64_t burst_us = interval_us * rate.burst;
  Answer answer;
  std::lock_guard lock(guards_[index % guards_count].mutex);
  Slot& slot = slot_of(sets_[index], tag, now_us, answer.forgot);
  const std::int64_t moved_us = std::max(slot.arrival_us, now_us) + interval_us;
  answer.admitted = moved_us - now_us <= burst_us;
  if (answer.admitted) {
    slot.arrival_us = moved_us;
  } else {
    answer.retry_after_us = moved_us - now_us - burst_us;
  }
  answer.full_after_us = slot.arrival_us - now_us;
  answer.remaining = std::max<std::int64_t>((burst_us - answer.full_after_us) / interval_us, 0);
  return answer;
}

Limiter::Answer Limiter::take(char kind, std::string_view key, const Rate& rate, std::int64_t now_us) {
  return take(kind, std::span(reinterpret_cast<const std::uint8_t*>(key.data()), key.size()), rate, now_us);
}

std::size_t Limiter::memory_bytes() const {
  return sets_.size() * sizeof(Set) + guards_count * sizeof(Guard);
}

}  // namespace openrun::gateway
