// How often a message is reported, so that a line that comes a thousand times a second is a few events. Plain; one
// thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace openrun::telemetry {

class ReportBudget {
 public:
  static constexpr std::int64_t window_us = 60'000'000;
  // Messages that are told apart; with more of them all are forgotten, and the bound for all of them holds.
  static constexpr std::size_t messages_max = 256;

  ReportBudget(int of_a_message_max, int all_max) : of_a_message_max_(of_a_message_max), all_max_(all_max) {}

  // Empty: not now. Else how many of this message were left out since the last one that was not.
  [[nodiscard]] std::optional<std::uint64_t> admit(std::string_view message, std::int64_t now_us);

 private:
  struct Window {
    std::int64_t begun_us = 0;
    int admitted = 0;
    std::uint64_t left_out = 0;
  };
  static void renew(Window& window, std::int64_t now_us);

  const int of_a_message_max_;
  const int all_max_;
  Window all_;
  std::map<std::string, Window, std::less<>> messages_;
};

}  // namespace openrun::telemetry
