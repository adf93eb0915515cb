// Bytes of a connection as they come from a stranger. The parser: the same requests whatever the cuts, and never two
// ways to read where one ends (checked against the framing rules of RFC 9112, written anew). The connection: over a
// real socket, as many answers as there are requests, each well-formed.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openrun/ports/testing/quiet.hpp>

#include "fuzz.hpp"
#include "request_parser.hpp"
#include "worker.hpp"

namespace openrun::fuzz {
namespace {

using http::ParsedRequest;
using http::ParseOutcome;

// Small, so that inputs of a few hundred bytes meet them.
constexpr http::ParseLimits parse_limits{.header_bytes_max = 1'024, .body_bytes_max = 512};
constexpr int answer_ms_max = 10'000;

struct Request {
  ports::HttpMethod method;
  std::string target;
  std::string path;
  std::string query;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool keep_alive = true;
  bool operator==(const Request&) const = default;
};

struct Stream {
  std::vector<Request> requests;
  std::optional<unsigned> refused;  // the status with which it ended
  // What is wrong is wrong whatever the cuts; what is told first of several faults may differ.
  bool operator==(const Stream& other) const {
    return requests == other.requests && refused.has_value() == other.refused.has_value();
  }
};

Request copy_of(const ParsedRequest& parsed) {
  const ports::HttpRequest& from = parsed.request;
  Request out{
      from.method, std::string(from.target), std::string(from.path), std::string(from.query), std::string(from.body),
      {},          parsed.keep_alive};
  for (const auto& [name, value] : from.headers) out.headers.emplace_back(name, value);
  return out;
}

bool same_name(std::string_view name, std::string_view lower_case) {
  return std::ranges::equal(name, lower_case,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

// The body of a chunked message that begins at bytes[0] and its length with all framing; empty where it is none.
std::optional<std::pair<std::string, std::size_t>> unchunked(std::string_view bytes) {
  std::string body;
  std::string_view rest = bytes;
  while (true) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = rest.substr(0, end);
    const std::size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
    const std::size_t zeros = std::min(line.find_first_not_of('0'), digits);  // in front, however many
    if (digits == 0 || digits - zeros > 8) return std::nullopt;
    const std::size_t size = std::stoull(std::string(line.substr(0, digits)), nullptr, 16);
    rest.remove_prefix(end + 2);
    if (size == 0) break;
    if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return std::nullopt;
    body.append(rest.substr(0, size));
    rest.remove_prefix(size + 2);
  }
  while (true) {  // trailers, to the empty line
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end + 2);
    if (end == 0) return std::pair(body, bytes.size() - rest.size());
  }
}

struct Framing {
  std::size_t lengths = 0;
  std::size_t codings = 0;
  std::size_t hosts = 0;
  std::string length;
};

Framing framing_of(std::string_view head) {
  Framing framing;
  (void)next_part(head, "\r\n");  // the request line
  while (!head.empty()) {
    std::string_view line = next_part(head, "\r\n");
    require(!line.empty() && line.front() != ' ' && line.front() != '\t', "no field is folded", line);
    require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos, "a field is one line", line);
    const std::string_view name = next_part(line, ":");
    require(!name.empty() && name.find_first_of(" \t") == std::string_view::npos, "a field's name is a token", name);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (same_name(name, "host")) ++framing.hosts;
    if (same_name(name, "content-length")) ++framing.lengths, framing.length = line;
    if (same_name(name, "transfer-encoding")) {
      ++framing.codings;
      require(same_name(line, "chunked"), "the only coding is chunked", line);
    }
  }
  return framing;
}

// What was taken for one request is one by the rules, and ends where they say.
void check_framing(std::string_view bytes, std::size_t size, const Request& request) {
  std::string_view message = bytes.substr(0, size);
  if (message.starts_with("\r\n")) message.remove_prefix(2);
  const std::size_t end = message.find("\r\n\r\n");
  require(end != std::string_view::npos, "a request has a whole header", message);
  const std::string_view head = message.substr(0, end);
  const std::string_view line = head.substr(0, head.find("\r\n"));
  require(line.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos, "a request line is one line",
          line);
  const Framing framing = framing_of(head);
  require(framing.lengths + framing.codings <= 1, "a body's length is told once", head);
  require(line.ends_with("HTTP/1.0") || (line.ends_with("HTTP/1.1") && framing.hosts == 1), "one Host", head);
  const std::string_view rest = message.substr(end + 4);
  if (framing.codings == 1) {
    const auto body = unchunked(rest);
    require(body && body->second == rest.size() && body->first == request.body, "chunks are what they say", message);
  } else if (framing.lengths == 1) {
    require(!framing.length.empty() && framing.length.size() < 10 &&
                framing.length.find_first_not_of("0123456789") == std::string::npos,
            "a length is a number", head);
    require(std::stoull(framing.length) == rest.size() && rest == request.body, "a body is as long as it says",
            message);
  } else {
    require(rest.empty() && request.body.empty(), "without a length there is no body", message);
  }
  require(request.path.starts_with('/') || request.path == "*", "a path begins with a slash", request.target);
  require(request.headers.size() <= 256 && request.body.size() <= parse_limits.body_bytes_max, "a request is bounded");
}

// All of it at once.
Stream read_whole(std::string_view bytes) {
  Stream stream;
  ParsedRequest parsed;
  while (!bytes.empty() && !stream.refused) {
    const ParseOutcome outcome = parse_request(bytes, parse_limits, parsed);
    if (outcome.kind == ParseOutcome::Kind::incomplete) {
      if (outcome.size > 0) {
        require(outcome.size > bytes.size(), "more is wanted than is there");
        const ParseOutcome again = parse_request(bytes.substr(0, bytes.size() - 1), parse_limits, parsed);
        require(again.kind == ParseOutcome::Kind::incomplete, "a part of what is incomplete is incomplete", bytes);
      }
      break;
    }
    if (outcome.kind == ParseOutcome::Kind::refused) {
      require(outcome.problem.status >= 400 && outcome.problem.status < 600, "a refusal is an error");
      stream.refused = outcome.problem.status;
      break;
    }
    require(outcome.size > 0 && outcome.size <= bytes.size(), "a request has a length within the bytes");
    stream.requests.push_back(copy_of(parsed));
    check_framing(bytes, outcome.size, stream.requests.back());
    bytes.remove_prefix(outcome.size);
    if (!stream.requests.back().keep_alive) break;
  }
  return stream;
}

// Cuts that the bytes themselves choose.
std::vector<std::string_view> pieces_of(std::string_view bytes, std::uint64_t seed) {
  std::vector<std::string_view> pieces;
  if (seed % 4 == 0) return {bytes};
  while (!bytes.empty()) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    const std::size_t length = std::min<std::size_t>(bytes.size(), 1 + (seed >> 33) % (2 + bytes.size() / 4));
    pieces.push_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return pieces;
}

Stream read_in_pieces(const std::vector<std::string_view>& pieces) {
  Stream stream;
  ParsedRequest parsed;
  std::string buffer;
  for (const std::string_view piece : pieces) {
    buffer.append(piece);
    while (!buffer.empty()) {
      const ParseOutcome outcome = parse_request(buffer, parse_limits, parsed);
      if (outcome.kind == ParseOutcome::Kind::incomplete) break;
      if (outcome.kind == ParseOutcome::Kind::refused) {
        stream.refused = outcome.problem.status;
        return stream;
      }
      stream.requests.push_back(copy_of(parsed));
      if (!parsed.keep_alive) return stream;
      buffer.erase(0, outcome.size);
    }
  }
  return stream;
}

// In pieces a request may be refused for its length before its end shows that it would just have fitted.
bool agrees(const Stream& whole, const Stream& pieces) {
  if (whole == pieces) return true;
  const bool too_long = pieces.refused == 413U || pieces.refused == 431U;
  return too_long && pieces.requests.size() <= whole.requests.size() &&
         std::equal(pieces.requests.begin(), pieces.requests.end(), whole.requests.begin());
}

// One worker of the server, behind a socket without a port. It lives as long as the process.
class Served {
 public:
  Served() {
    http::ServerOptions options;
    options.header_bytes_max = parse_limits.header_bytes_max;
    options.body_bytes_max = parse_limits.body_bytes_max;
    worker_ = std::make_shared<http::Worker>(std::make_shared<http::Shared>(options, logger_), 0);
    const std::string name = "openrun-fuzz-http-" + std::to_string(getpid());
    address_.sun_family = AF_UNIX;
    name.copy(address_.sun_path + 1, name.size());  // an abstract name: nothing in the file system
    length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    require(::bind(listener, reinterpret_cast<const sockaddr*>(&address_), length_) == 0, "the socket has a name");
    require(::listen(listener, 16) == 0, "the socket listens");
    require(worker_->start({listener}, &answer, {}).has_value(), "the worker starts");
  }

  // All that the server answers until it closes.
  [[nodiscard]] std::string exchange(const std::vector<std::string_view>& pieces) const {
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    require(::connect(client, reinterpret_cast<const sockaddr*>(&address_), length_) == 0, "the server accepts");
    for (const std::string_view piece : pieces) {
      // It may have refused, answered and closed already.
      if (::send(client, piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    }
    ::shutdown(client, SHUT_WR);
    std::string received;
    char buffer[4096];
    while (true) {
      require(is_readable(client), "the server answers and closes", received);
      const ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      received.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(client);
    return received;
  }

 private:
  // Says what it was asked, also in a header: no value may end its line.
  static void answer(ports::IoThread&, const ports::HttpRequest& request, std::shared_ptr<ports::HttpReply> reply) {
    ports::HttpResponse response;
    response.content_type = "text/plain";
    response.headers.emplace_back("X-Body", std::string(request.body));
    response.headers.emplace_back("X-Agent", std::string(request.header("User-Agent")));
    response.body = std::string(request.target) + "\n" + std::string(request.body);
    reply->send(std::move(response));
  }

  // The fuzzer's own timer interrupts the wait.
  static bool is_readable(int socket) {
    pollfd waits{socket, POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&waits, 1, answer_ms_max);
    while (ready < 0 && errno == EINTR);
    return ready == 1;
  }

  ports::testing::QuietLogger logger_;
  std::shared_ptr<http::Worker> worker_;
  sockaddr_un address_{};
  socklen_t length_ = 0;
};

// Takes one answer off the front; its status.
unsigned take_answer(std::string_view& rest, const Request* request) {
  const std::size_t end = rest.find("\r\n\r\n");
  require(rest.starts_with("HTTP/1.1 ") && end != std::string_view::npos, "an answer has a status line and a header",
          rest);
  std::string_view head = rest.substr(0, end);
  const auto status = static_cast<unsigned>(std::stoul(std::string(head.substr(9, 3))));
  (void)next_part(head, "\r\n");
  rest.remove_prefix(end + 4);
  std::optional<std::size_t> length;
  while (!head.empty()) {
    std::string_view value = next_part(head, "\r\n");
    const std::string_view name = next_part(value, ": ");
    require(!name.empty() && name.find_first_of(" \t") == std::string_view::npos, "an answer's fields have names",
            name);
    const bool plain =
        std::ranges::none_of(value, [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; });
    require(plain, "no control character is echoed", value);
    if (name == "Content-Length") length = std::stoul(std::string(value));
  }
  if (status == 100) return status;
  require(length.has_value(), "an answer tells its length");
  const bool has_body = request == nullptr || request->method != ports::HttpMethod::head;
  if (has_body) {
    require(rest.size() >= *length, "an answer is as long as it says", rest);
    if (request != nullptr) {
      require(rest.substr(0, *length) == request->target + "\n" + request->body, "an answer is its request's", rest);
    }
    rest.remove_prefix(*length);
  }
  return status;
}

// What comes in pieces is parsed again only where a header may have ended, so that a client that ends in the middle of
// what is wrong may be told nothing.
void check_answers(std::string_view received, const Stream& stream, bool in_pieces) {
  std::string_view rest = received;
  std::size_t answered = 0;
  while (!rest.empty()) {
    const Request* request = answered < stream.requests.size() ? &stream.requests[answered] : nullptr;
    if (rest.starts_with("HTTP/1.1 100 ")) {
      (void)take_answer(rest, nullptr);
      continue;
    }
    // Refused for a length that was seen before the end.
    if (rest.starts_with("HTTP/1.1 413 ") || rest.starts_with("HTTP/1.1 431 ")) request = nullptr;
    const unsigned status = take_answer(rest, request);
    if (request == nullptr) {
      const bool expected = stream.refused ? status >= 400 : status == 413 || status == 431;
      require(expected && rest.empty(), "a refusal is the last answer", received);
      return;
    }
    require(status == 200, "a request is answered", received);
    ++answered;
  }
  require(answered == stream.requests.size(), "there are as many answers as requests", received);
  require(!stream.refused || in_pieces, "what is refused is told so", received);
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  const std::string_view bytes = text_of(data, size);
  const Stream whole = read_whole(bytes);
  const auto pieces = pieces_of(bytes, hash_of(bytes));
  require(agrees(whole, read_in_pieces(pieces)), "cuts change nothing", bytes);
  static const Served* const served = new Served;  // its thread runs to the end of the process
  check_answers(served->exchange(pieces), whole, pieces.size() > 1);
  return 0;
}
