// What an outcome's number means for the layout of a ResultBatch.
#pragma once

#include <array>
#include <cstdint>

#include <openrun/issuance/decision.hpp>

namespace openrun::wire {

inline constexpr std::uint8_t kind_known = 1;
inline constexpr std::uint8_t kind_coupon = 2;  // a sequence and an issued_at stand for it
inline constexpr std::uint8_t kind_winner = 4;  // and the user's hash

// By the number of the outcome; 0 where this version knows none.
inline constexpr std::array<std::uint8_t, 256> kind_table = [] {
  using enum issuance::Outcome;
  std::array<std::uint8_t, 256> table{};
  table[static_cast<std::uint8_t>(none)] = kind_known;
  for (const auto outcome : issuance::all_outcomes) table[static_cast<std::uint8_t>(outcome)] = kind_known;
  table[static_cast<std::uint8_t>(issued)] = kind_known | kind_coupon | kind_winner;
  table[static_cast<std::uint8_t>(issued_before)] = kind_known | kind_coupon;
  table[static_cast<std::uint8_t>(already_issued)] = kind_known | kind_coupon;
  return table;
}();

[[nodiscard]] constexpr std::uint8_t kind_of(issuance::Outcome outcome) {
  return kind_table[static_cast<std::uint8_t>(outcome)];
}
[[nodiscard]] constexpr bool is_known(issuance::Outcome outcome) {
  return (kind_of(outcome) & kind_known) != 0;
}
[[nodiscard]] constexpr bool carries_coupon(issuance::Outcome outcome) {
  return (kind_of(outcome) & kind_coupon) != 0;
}

}  // namespace openrun::wire
