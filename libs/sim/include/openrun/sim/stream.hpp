// The stream beside the log: connections from broadcasters to listeners, and what becomes of each message on each of
// them is decided by `fate`. On one connection messages arrive in the order in which they were sent, between two in
// any. What was sent arrives also when its broadcaster is gone; then, or when a connection is cut, the listener hears
// of it, and connects again by an invitation that it reads retry_us later. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openrun/ports/stream.hpp>
#include <openrun/sim/scheduler.hpp>

namespace openrun::sim {

// What happens to one message on one connection. The way of an invited listener to its broadcaster takes one, too, and
// there is no connection where that is cut.
struct StreamFate {
  std::int64_t arrives_after_us = 500;  // and not before what was sent earlier
  bool cut = false;                     // never arrives, and the connection ends with it
  bool twice = false;                   // arrives twice
};

class Stream {
 public:
  static constexpr std::int64_t retry_us = 1'000'000;

  Stream(Scheduler& scheduler, std::function<StreamFate()> fate) : scheduler_(scheduler), fate_(std::move(fate)) {}

  // Each has an invitation of its own. Neither outlives the stream.
  [[nodiscard]] std::unique_ptr<ports::Broadcaster> make_broadcaster();
  [[nodiscard]] std::unique_ptr<ports::Listener> make_listener(std::function<void(std::string_view)> on_message);
  // Ends all connections.
  void cut();

 private:
  struct Connection;
  class Broadcaster;
  class Listener;
  void end(const std::shared_ptr<Connection>& connection);

  Scheduler& scheduler_;
  const std::function<StreamFate()> fate_;
  std::uint64_t broadcasters_made_ = 0;
  std::map<std::string, Broadcaster*, std::less<>> broadcasters_;  // by invitation
};

}  // namespace openrun::sim
