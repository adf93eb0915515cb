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

// Status line and header fields of an answer whose body follows piece by piece: in chunks, or to HTTP/1.0 until the
// connection's end (`form.keep_alive` must be false then).
void append_stream_head(std::string& out, const ports::HttpResponse& head, const ResponseForm& form,
                        std::string_view date_line);
// One piece of such a body; an empty one would be its end.
void append_chunk(std::string& out, std::string_view piece);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace openrun::http
