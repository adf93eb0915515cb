// The headers of a dead letter (contract, section 4): those of the original, then Kafka Connect's names, then
// openrun.dlq.*.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>

namespace openrun::wire {

inline constexpr std::size_t dead_letter_error_bytes_max = 4'096;

struct DeadLetterFacts {
  Partition partition;
  Offset offset;
  Timestamp log_time;
  std::string reason;
  std::string error;
  Timestamp at;  // when it was found
  std::uint32_t replays = 0;
  std::string topic = "openrun.requests";  // the requests topic's name
};

// `original` comes first, byte for byte. Numbers are decimal; openrun.dlq.timestamp is the original's LogAppendTime in
// ms since 1970, as Kafka has it; openrun.dlq.at is RFC 3339. An error's text is cut to dead_letter_error_bytes_max, at
// a character.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> dead_letter_headers(
    const std::vector<std::pair<std::string, std::string>>& original, const DeadLetterFacts& facts);

}  // namespace openrun::wire
