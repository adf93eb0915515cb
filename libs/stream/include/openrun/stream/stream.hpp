// ports::Broadcaster and ports::Listener over TCP. An invitation names an address and a random key, and travels through
// the log: whoever may read what is told may listen, nobody else, and nobody can tell in another's name (internals/
// stream.md). No names are resolved: addresses are numeric.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <openrun/base/result.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/stream.hpp>

namespace openrun::stream {

// The most that one message may hold; it is asserted.
inline constexpr std::size_t message_bytes_max = std::size_t{2} * 1024 * 1024;

struct BroadcastOptions {
  std::string address = "127.0.0.1";  // to listen on, numeric
  std::uint16_t port = 0;             // 0: any free one
  // Numeric, for the invitation. Empty: `address`, or where that is 0.0.0.0 or ::, what this host's own name stands
  // for.
  std::string host = {};  // NOLINT(readability-redundant-member-init): who names only other members would be warned
  std::size_t listeners_max = 64;                                // more are closed at once
  std::size_t backlog_bytes_max = std::size_t{8} * 1024 * 1024;  // what waits for one listener; above: it is cut off
  std::chrono::milliseconds greeting_timeout{2'000};
};

// Binds, and starts a thread. Fails with a message that names the address and says what to change.
[[nodiscard]] Result<std::unique_ptr<ports::Broadcaster>> make_broadcaster(const BroadcastOptions& options,
                                                                           ports::Logger& logger,
                                                                           ports::Metrics& metrics);

struct ListenOptions {
  std::size_t connections_max = 256;  // above: the one that was heard least recently makes room
  std::chrono::milliseconds greeting_timeout{2'000};
  std::chrono::milliseconds retry{1'000};  // between two attempts by one invitation
};

// `on_message` is called on the listener's one thread, in the order of each broadcaster; the view lives as long as the
// call. It must not block for long: whoever is not read from is cut off by the broadcaster.
[[nodiscard]] std::unique_ptr<ports::Listener> make_listener(const ListenOptions& options,
                                                             std::function<void(std::string_view)> on_message,
                                                             ports::Logger& logger, ports::Metrics& metrics);

}  // namespace openrun::stream
