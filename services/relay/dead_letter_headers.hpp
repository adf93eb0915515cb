// What stands in the headers of an exported dead letter. A pure function.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/ports/outbox.hpp>
#include <openrun/wire/dead_letter.hpp>

namespace openrun::relay {

// `topic` is the one in which the record stood; it must outlive the call only.
[[nodiscard]] inline std::vector<std::pair<std::string, std::string>> dead_letter_headers(
    const ports::ExportedDeadLetter& letter, Partition partition, std::string_view topic) {
  wire::DeadLetterFacts facts;
  facts.topic = topic;
  facts.partition = partition;
  facts.offset = letter.row.offset;
  facts.log_time = letter.row.log_time;
  facts.reason = letter.row.reason;
  facts.error = letter.row.error;
  facts.at = letter.created_at;
  facts.replays = letter.row.replays;
  return wire::dead_letter_headers(letter.row.headers, facts);
}

}  // namespace openrun::relay
