// Both sides of a connection by hand, byte by byte, and waiting with a deadline. For tests alone.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../frames.hpp"
#include "../greeting.hpp"
#include "../socket.hpp"

namespace openrun::stream::testing {

inline constexpr std::chrono::milliseconds patience{20'000};
// What never comes while a test runs.
inline constexpr std::chrono::milliseconds never{3'600'000};

// Whether `condition` comes true within patience.
template <class Condition>
bool becomes(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// What a listener has heard. Any thread.
class Heard {
 public:
  void add(std::string_view message);
  // The messages, once there are that many; those that there are when patience ends.
  std::vector<std::string> wait_for(std::size_t count);
  std::vector<std::string> all() { return wait_for(0); }

 private:
  std::mutex mutex_;
  std::condition_variable grown_;
  std::vector<std::string> messages_;
};

// A connection without any protocol.
class Wire {
 public:
  Wire() = default;
  explicit Wire(Socket socket) : socket_(std::move(socket)) {}
  // To 127.0.0.1. With `receive_bytes` the system keeps only about that much of what is not read.
  explicit Wire(std::uint16_t port, int receive_bytes = 0);

  [[nodiscard]] bool is_open() const { return static_cast<bool>(socket_); }
  // False where the other side has gone.
  bool send(std::string_view bytes) const;
  // That many bytes; fewer where the connection or patience ends before.
  [[nodiscard]] std::string read(std::size_t bytes) const;
  // Whatever there is, after waiting for it; empty where the connection or patience ends.
  [[nodiscard]] std::string read_some() const;
  // Something has come, or the end.
  [[nodiscard]] bool has_more() const;
  // True where the other side closes within patience without sending anything more.
  [[nodiscard]] bool ends() const;

 private:
  // Bytes as recv() counts them; -1 where patience ends or the connection was reset.
  [[nodiscard]] std::ptrdiff_t receive(std::string& into) const;
  Socket socket_;
};

// A listener by hand.
class RawListener {
 public:
  // Connects and reads the broadcaster's nonce.
  explicit RawListener(const Invitation& invitation, int receive_bytes = 0);

  [[nodiscard]] const Wire& wire() const { return wire_; }
  [[nodiscard]] bool was_let_in() const { return nonce_.has_value(); }
  // The right answer, which send() then sends; with it made, hear() expects its key. Needs was_let_in().
  [[nodiscard]] std::string make_answer();
  void greet() { wire_.send(make_answer()); }
  // The next messages; fewer where the connection or patience ends, or what comes was not sealed for us.
  std::vector<std::string> hear(std::size_t count);

 private:
  Invitation invitation_;
  Wire wire_;
  std::optional<Nonce> nonce_;
  std::optional<FrameReader> frames_;
  std::string received_;
};

// A broadcaster by hand, on 127.0.0.1.
class RawBroadcaster {
 public:
  // Whoever connects to one that is not open is refused, until open().
  explicit RawBroadcaster(bool is_open = true);

  [[nodiscard]] const Invitation& invitation() const { return invitation_; }
  void open();
  // The next connection, as it came; not open where none comes within patience.
  [[nodiscard]] Wire accept() const;
  [[nodiscard]] bool has_caller() const;

  struct Session {
    Wire wire;
    std::optional<crypto::SealingKey> key;  // empty: the answer was wrong
    std::optional<crypto::Sealer> sealer;   // with that key
    // What send() would send.
    std::string sealed(std::string_view message) {
      std::string bytes;
      write_frame(*sealer, message, bytes);
      return bytes;
    }
  };
  // The next connection, greeted.
  [[nodiscard]] Session greet() const { return greet(accept()); }
  [[nodiscard]] Session greet(Wire wire) const;

 private:
  Invitation invitation_;
  Socket door_;
};

}  // namespace openrun::stream::testing
