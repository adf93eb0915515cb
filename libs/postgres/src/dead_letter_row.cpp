#include "dead_letter_row.hpp"

#include <utility>

namespace openrun::postgres {

ports::DeadLetterRow read_dead_letter(const Rows& rows, int row, int first) {
  ports::DeadLetterRow letter;
  letter.offset = Offset{rows.at(row, first).integer()};
  letter.log_time = rows.at(row, first + 1).timestamp();
  letter.key = rows.at(row, first + 2).string();
  letter.value = rows.at(row, first + 3).string();
  std::vector<std::string> headers = rows.at(row, first + 4).byte_strings();
  for (std::size_t i = 0; i + 1 < headers.size(); i += 2) {
    letter.headers.emplace_back(std::move(headers[i]), std::move(headers[i + 1]));
  }
  letter.reason = rows.at(row, first + 5).string();
  letter.error = rows.at(row, first + 6).string();
  letter.replays = static_cast<std::uint32_t>(rows.at(row, first + 7).integer());
  return letter;
}

}  // namespace openrun::postgres
