// Polls receipts at a constant rate and tells how long the answers took: bench.py's and overload.py's probe beside a
// load. Few polls on connections of their own, so that it costs next to nothing; latencies count from the time at which
// a poll was due, so that no stall hides. Prints one JSON object.
//
//   openrun-bench-polls HOST PORT RATE SECONDS RECEIPT...
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t connections = 128;  // a thread each

int connect_to(const char* host, int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
      ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    std::perror("cannot connect");
    std::exit(1);
  }
  return socket;
}

// Whether the whole answer came, and it is a 200. Answers to polls carry Content-Length.
bool ask(int socket, const std::string& request) {
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return false;
  std::string answer;
  char room[8192];
  for (;;) {
    const ssize_t count = ::recv(socket, room, sizeof room, 0);
    if (count <= 0) return false;
    answer.append(room, static_cast<std::size_t>(count));
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    constexpr std::string_view length = "Content-Length: ";
    const std::size_t at = answer.find(length);
    if (at == std::string::npos) return false;
    const std::size_t body = std::strtoul(answer.c_str() + at + length.size(), nullptr, 10);
    if (answer.size() >= end + 4 + body) return answer.starts_with("HTTP/1.1 200");
  }
}

double percentile_us(const std::vector<double>& sorted, double percent) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: openrun-bench-polls HOST PORT RATE SECONDS RECEIPT...\n");
    return 2;
  }
  const double rate = std::atof(argv[3]);
  const auto polls = static_cast<std::size_t>(rate * std::atof(argv[4]));
  std::vector<std::string> requests;
  for (int i = 5; i < argc; ++i) {
    requests.push_back("GET /v1/requests/" + std::string(argv[i]) + " HTTP/1.1\r\nHost: openrun\r\n\r\n");
  }
  std::mutex mutex;
  std::vector<double> took_us;  // under mutex, as `failed`
  std::size_t failed = 0;
  const Clock::time_point begun = Clock::now();
  std::vector<std::jthread> pollers;
  for (std::size_t first = 0; first < connections; ++first) {
    pollers.emplace_back([&, first] {
      int socket = connect_to(argv[1], std::atoi(argv[2]));
      for (std::size_t i = first; i < polls; i += connections) {
        const auto due = begun + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(static_cast<double>(i) / rate));
        std::this_thread::sleep_until(due);
        const bool is_answered = ask(socket, requests[i % requests.size()]);
        const double us = std::chrono::duration<double, std::micro>(Clock::now() - due).count();
        if (!is_answered) {
          ::close(socket);
          socket = connect_to(argv[1], std::atoi(argv[2]));
        }
        std::lock_guard lock(mutex);
        if (is_answered) took_us.push_back(us);
        if (!is_answered) ++failed;
      }
      ::close(socket);
    });
  }
  pollers.clear();
  std::ranges::sort(took_us);
  std::printf("{\"polls\":%zu,\"failed\":%zu,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"max\":%.0f}\n",
              polls, failed, percentile_us(took_us, 50), percentile_us(took_us, 90), percentile_us(took_us, 99),
              percentile_us(took_us, 99.9), percentile_us(took_us, 100));
  return 0;
}
