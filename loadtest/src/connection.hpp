// One HTTP/1.1 client connection on a non-blocking socket. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace openrun::load {

struct Answer {
  int status = 0;
  std::int64_t retry_after_s = -1;
  std::string_view location;
  std::string_view body;
  bool keep_alive = true;
};

class Connection {
 public:
  enum class Step : std::uint8_t { again, answered, broken };

  ~Connection();
  // Begins to connect, from that address where one is given; false when the socket can't be made.
  bool open(std::uint32_t address, std::uint16_t port, std::uint32_t source = 0);
  void close();
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  // Puts a request on its way; one at a time. Step::again: wait for the socket.
  Step send(std::string request);
  // The socket is ready. `answered`: answer() is valid until the next send().
  Step ready();
  [[nodiscard]] const Answer& answer() const { return answer_; }
  // True while bytes of the request are still to be written.
  [[nodiscard]] bool wants_write() const { return written_ < out_.size(); }

 private:
  Step write_some();
  Step read_some();
  bool parse();

  int descriptor_ = -1;
  std::string out_;
  std::size_t written_ = 0;
  std::string in_;
  std::size_t received_ = 0;
  Answer answer_;
};

// The value of a top-level or nested string or number member, found by its name; empty where it is not there. For
// answers of a server that is trusted to send well-formed JSON.
[[nodiscard]] std::string_view json_member(std::string_view json, std::string_view name);

}  // namespace openrun::load
