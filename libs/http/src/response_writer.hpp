// From a response to bytes, by hand into a string that is reused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

namespace openrun::http {

// The Date field, made once a second. One a thread.
class DateLine {
 public:
  // "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
  [[nodiscard]] std::string_view at(std::int64_t unix_seconds);

 private:
  std::int64_t made_at_ = -1;
  std::string text_;
};

struct ResponseForm {
  bool is_head = false;  // length is told, the body is left out
  bool keep_alive = true;
  bool http_1_0 = false;  // keep-alive is then said aloud
};

// Appends status line, header fields and body. Control characters in header values become spaces, so that no value can
// end its line.
void append_response(std::string& out, const ports::HttpResponse& response, const ResponseForm& form,
                     std::string_view date_line);

}  // namespace openrun::http
