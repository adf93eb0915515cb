#include "response_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <openrun/base/assert.hpp>

#include "problem.hpp"

namespace openrun::http {
namespace {

void append_number(std::string& out, std::size_t number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

// Eight at a time, because nearly no value holds one; true for a tab too.
bool may_hold_control(std::string_view value) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = ones * 0x80;
  std::uint64_t found = 0;
  while (value.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, value.data(), sizeof word);
    const std::uint64_t deleted = word ^ (ones * 0x7F);
    found |= ((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted);
    value.remove_prefix(sizeof word);
  }
  return (found & tops) != 0 || std::any_of(value.begin(), value.end(), is_control);
}

void append_value(std::string& out, std::string_view value) {
  const std::size_t begin = out.size();
  out.append(value);
  if (!may_hold_control(value)) return;
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (is_control(out[i])) out[i] = ' ';
  }
}

// The commonest status lines ready made.
void append_status(std::string& out, unsigned status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else if (status == 201) {
    out.append("HTTP/1.1 201 Created\r\n");
  } else if (status == 202) {
    out.append("HTTP/1.1 202 Accepted\r\n");
  } else if (status == 409) {
    out.append("HTTP/1.1 409 Conflict\r\n");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, status);
    out.append(" ").append(reason_phrase(status)).append("\r\n");
  }
}

void begin_head(std::string& out, const ports::HttpResponse& response, std::string_view date_line) {
  append_status(out, response.status);
  out.append(date_line);
  if (!response.content_type.empty()) out.append("Content-Type: ").append(response.content_type).append("\r\n");
}

void end_head(std::string& out, const ports::HttpResponse& response, const ResponseForm& form) {
  for (const auto& [name, value] : response.headers) {
    out.append(name).append(": ");
    append_value(out, value);
    out.append("\r\n");
  }
  if (!form.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (form.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

}  // namespace

std::string_view DateLine::at(std::int64_t unix_seconds) {
  if (unix_seconds == made_at_) return text_;
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                   days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900,
                                   parts.tm_hour, parts.tm_min, parts.tm_sec);
  text_.assign(text, static_cast<std::size_t>(length));
  made_at_ = unix_seconds;
  return text_;
}

void append_response(std::string& out, const ports::HttpResponse& response, const ResponseForm& form,
                     std::string_view date_line) {
  const bool may_have_body = response.status >= 200 && response.status != 204 && response.status != 304;
  begin_head(out, response, date_line);
  if (may_have_body) {
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  end_head(out, response, form);
  if (may_have_body && !form.is_head) out.append(response.body);
}

void append_stream_head(std::string& out, const ports::HttpResponse& head, const ResponseForm& form,
                        std::string_view date_line) {
  OPENRUN_ASSERT(!form.http_1_0 || !form.keep_alive, "to HTTP/1.0 the connection's end is the body's");
  begin_head(out, head, date_line);
  if (!form.http_1_0) out.append("Transfer-Encoding: chunked\r\n");
  end_head(out, head, form);
}

void append_chunk(std::string& out, std::string_view piece) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, piece.size(), 16);
  out.append(digits, end).append("\r\n").append(piece).append("\r\n");
}

}  // namespace openrun::http
