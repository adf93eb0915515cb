// The headers of a dead letter (contract, section 4): those of the original, then Kafka Connect's names, then openrun.dlq.*.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>

namespace openrun::wire {

struct DeadLetterFacts {
  Partition partition;
  Offset offset;
  Timestamp log_time;
  std::string reason;
  std::string error;
  Timestamp at;  // when it was found
  std::uint32_t replays = 0;
};

// `original` comes first, byte for byte.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> dead_letter_headers(
    const std::vector<std::pair<std::string, std::string>>& original, const DeadLetterFacts& facts);

}  // namespace openrun::wire
