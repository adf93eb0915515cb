#include "request_parser.hpp"

#include <algorithm>
#include <optional>

#include <boost/beast/http/basic_parser.hpp>

namespace openrun::http {
namespace {

namespace beast = boost::beast;
using beast::http::error;
using beast::http::field;
using beast::http::verb;

constexpr ports::HttpMethod method_of(verb method) {
  switch (method) {
    case verb::get:
      return ports::HttpMethod::get;
    case verb::head:
      return ports::HttpMethod::head;
    case verb::post:
      return ports::HttpMethod::post;
    case verb::put:
      return ports::HttpMethod::put;
    case verb::patch:
      return ports::HttpMethod::patch;
    case verb::delete_:
      return ports::HttpMethod::delete_;
    case verb::options:
      return ports::HttpMethod::options;
    default:
      return ports::HttpMethod::other;
  }
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

bool same(std::string_view a, std::string_view lower_case) {
  return a.size() == lower_case.size() && std::equal(a.begin(), a.end(), lower_case.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + ('a' - 'A')) : x) == y;
         });
}

// Of the absolute form, as to a proxy, what follows the authority; any other target as it is.
std::string_view without_authority(std::string_view target) {
  if (!target.starts_with("http://") && !target.starts_with("https://")) return target;
  target.remove_prefix(target.find("//") + 2);
  target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  return target;
}

// Beast calls back with views into the bytes it is given; nothing is copied but chunked bodies.
class Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(std::string_view bytes, const ParseLimits& limits, ParsedRequest& out)
      : bytes_(bytes), limits_(limits), out_(out) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    body_limit(limits.body_bytes_max);
  }

  ParseOutcome run(std::size_t begin);

 private:
  ParseOutcome refused(const beast::error_code& code) const;
  ParseOutcome check_header();
  ParseOutcome read_chunks(std::size_t begin);
  ParseOutcome incomplete(std::size_t size) const;
  bool set_target(std::string_view target);
  // The first line ends with a line feed alone: Beast takes it for a part of the version.
  [[nodiscard]] bool has_bare_line_feed() const {
    const std::size_t end = bytes_.find('\n', bytes_.starts_with("\r\n") ? 2 : 0);
    return end != std::string_view::npos && (end == 0 || bytes_[end - 1] != '\r');
  }
  // Whether the field's line goes on in the next one. Beast unfolds, also where the first line holds nothing; a proxy
  // in front may see an empty field.
  [[nodiscard]] bool is_folded(std::string_view name) const {
    const std::size_t next = bytes_.find('\n', static_cast<std::size_t>(name.data() - bytes_.data())) + 1;
    return next < bytes_.size() && (bytes_[next] == ' ' || bytes_[next] == '\t');
  }
  void refuse(const Problem& problem, beast::error_code& code) {
    problem_ = problem;
    code = error::bad_field;
  }

  void on_request_impl(verb method, beast::string_view, beast::string_view target, int version,
                       beast::error_code& code) override {
    out_.request.method = method_of(method);
    out_.http_1_0 = version == 10;
    if (!set_target(view(target))) refuse(problems::bad_target, code);
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}

  void on_field_impl(field name, beast::string_view name_text, beast::string_view value_text,
                     beast::error_code& code) override {
    if (is_header_seen_) return;  // trailers are read and forgotten
    const std::string_view value = view(value_text);
    if (is_folded(view(name_text))) return refuse(problems::folded_header, code);
    switch (name) {
      case field::content_length:
        // One number and nothing else: proxies in front may read "5, 5" or a second field otherwise than we do.
        if (has_length_ || value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) {
          return refuse(problems::ambiguous_length, code);
        }
        has_length_ = true;
        break;
      case field::transfer_encoding:
        if (has_coding_ || has_length_ || out_.http_1_0) return refuse(problems::ambiguous_length, code);
        if (!same(value, "chunked")) return refuse(problems::unknown_coding, code);
        has_coding_ = true;
        break;
      case field::host:
        ++out_.hosts;
        break;
      case field::expect:
        if (!same(value, "100-continue")) return refuse(problems::bad_expectation, code);
        expects_continue_ = !out_.http_1_0;
        break;
      default:
        break;
    }
    out_.request.headers.emplace_back(view(name_text), value);
  }
  void on_header_impl(beast::error_code&) override { is_header_seen_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view text, beast::error_code&) override { return text.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view text, beast::error_code&) override {
    out_.decoded_body.append(text.data(), text.size());
    return text.size();
  }
  void on_finish_impl(beast::error_code&) override {}

  std::string_view bytes_;
  const ParseLimits& limits_;
  ParsedRequest& out_;
  std::optional<Problem> problem_;
  bool is_header_seen_ = false;
  bool has_length_ = false;
  bool has_coding_ = false;
  bool expects_continue_ = false;
};

bool Parser::set_target(std::string_view target) {
  ports::HttpRequest& request = out_.request;
  request.target = target;
  const std::string_view rest = without_authority(target);
  if (rest.size() != target.size() && (rest.empty() || rest.front() == '?')) {
    request.path = "/";
    request.query = rest.empty() ? rest : rest.substr(1);
    return true;
  }
  const bool is_asterisk = rest == "*" && request.method == ports::HttpMethod::options;
  if (!rest.starts_with('/') && !is_asterisk) return false;
  const std::size_t mark = rest.find('?');
  request.path = rest.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
  return true;
}

ParseOutcome Parser::incomplete(std::size_t size) const {
  ParseOutcome outcome;
  outcome.size = size;
  outcome.is_header_complete = is_header_seen_;
  outcome.awaits_continue = is_header_seen_ && expects_continue_;
  return outcome;
}

ParseOutcome Parser::refused(const beast::error_code& code) const {
  ParseOutcome outcome;
  outcome.kind = ParseOutcome::Kind::refused;
  outcome.problem = problem_                      ? *problem_
                    : code == error::body_limit   ? problems::body_too_large
                    : code == error::header_limit ? problems::header_too_large
                    : code == error::bad_version
                        ? (has_bare_line_feed() ? problems::bad_request : problems::bad_version)
                    : code == error::multiple_content_length || code == error::bad_content_length ||
                            code == error::bad_transfer_encoding
                        ? problems::ambiguous_length
                        : problems::bad_request;
  return outcome;
}

ParseOutcome Parser::check_header() {
  if (out_.hosts > 1 || (out_.hosts == 0 && !out_.http_1_0)) problem_ = problems::bad_host;
  if (!problem_) return {};
  return refused({});
}

ParseOutcome Parser::read_chunks(std::size_t begin) {
  std::string_view rest = bytes_.substr(begin);
  beast::error_code code;
  eager(true);
  while (!is_done()) {
    const std::size_t used = put({rest.data(), rest.size()}, code);
    rest.remove_prefix(used);
    if (code == error::need_more || (!code && !is_done() && rest.empty())) {
      if (bytes_.size() - begin > limits_.request_bytes_max() - limits_.header_bytes_max) {
        problem_ = problems::body_too_large;
        return refused(code);
      }
      return incomplete(0);
    }
    if (code) return refused(code);
  }
  out_.request.body = out_.decoded_body;
  ParseOutcome outcome;
  outcome.kind = ParseOutcome::Kind::complete;
  outcome.size = bytes_.size() - rest.size();
  return outcome;
}

ParseOutcome Parser::run(std::size_t begin) {
  const std::string_view message = bytes_.substr(begin);
  beast::error_code code;
  const std::size_t header_size = message.empty() ? 0 : put({message.data(), message.size()}, code);
  if (message.empty() || code == error::need_more) {
    if (message.size() < limits_.header_bytes_max) return incomplete(0);
    problem_ = problems::header_too_large;
  }
  if (!problem_ && !code && header_size > limits_.header_bytes_max) problem_ = problems::header_too_large;
  if (code || problem_) return refused(code);
  if (const ParseOutcome checked = check_header(); checked.kind == ParseOutcome::Kind::refused) return checked;
  out_.keep_alive = keep_alive();
  const std::size_t body_begin = begin + header_size;
  if (chunked()) return read_chunks(body_begin);
  // RFC 9112: without Content-Length and Transfer-Encoding a request has no body.
  const std::size_t body_size = is_done() ? 0 : static_cast<std::size_t>(content_length().value_or(0));
  if (bytes_.size() - body_begin < body_size) return incomplete(body_begin + body_size);
  out_.request.body = bytes_.substr(body_begin, body_size);
  ParseOutcome outcome;
  outcome.kind = ParseOutcome::Kind::complete;
  outcome.size = body_begin + body_size;
  return outcome;
}

}  // namespace

std::optional<RequestStart> peek_request(std::string_view bytes) {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const std::size_t method_end = bytes.find(' ');
  if (method_end == std::string_view::npos) return std::nullopt;
  const std::size_t target_end = bytes.find(' ', method_end + 1);
  if (target_end == std::string_view::npos) return std::nullopt;
  const std::string_view target = without_authority(bytes.substr(method_end + 1, target_end - method_end - 1));
  return RequestStart{bytes.substr(0, method_end), target.substr(0, target.find('?'))};
}

ParseOutcome parse_request(std::string_view bytes, const ParseLimits& limits, ParsedRequest& out) {
  out.request.headers.clear();
  out.request.body = {};
  out.decoded_body.clear();
  out.hosts = 0;
  // RFC 9112, section 2.2: ignore an empty line before the request line (some clients end a body with one too many).
  const std::size_t begin = bytes.starts_with("\r\n") ? 2 : 0;
  if (bytes == "\r") return {};  // half of such a line
  return Parser(bytes, limits, out).run(begin);
}

}  // namespace openrun::http
