// What a daemon tells at once to whoever listens, beside the log: at most once and with no promise. Everything that is
// told stands in the log too, a little later, so whoever was not there, or fell behind, misses nothing.
#pragma once

#include <string>
#include <string_view>

namespace openrun::ports {

// The header of a record of the log by which readers learn where to listen.
inline constexpr std::string_view invitation_name = "openrun-stream";

// Any thread.
class Broadcaster {
 public:
  virtual ~Broadcaster() = default;
  // To all who listen now, in the order of the calls. Never blocks: who can't keep up is cut off.
  virtual void send(std::string_view message) = 0;
  // Where to listen and with which key: printable ASCII, less than 256 bytes, the same as long as this lives. As secret
  // as the messages.
  [[nodiscard]] virtual const std::string& invitation() const = 0;
};

// Any thread.
class Listener {
 public:
  virtual ~Listener() = default;
  // An invitation that was read in the log just now: listens there unless it does so already. Cheap; never blocks.
  virtual void invited(std::string_view invitation) = 0;
};

}  // namespace openrun::ports
