// GET /v1/requests/{receipt}/events: the request as a stream of server-sent events (text/event-stream).
//
//   retry: 1873                          how long the client waits before it connects again; jittered
//   event: position                      while it waits: the newest position only, and only when it has changed
//   id: 41
//   data: {"receipt":...,"status":"waiting","position":41,...}
//
//   event: outcome                       once, at once, and then the end
//   id: outcome
//   data: {"receipt":...,"status":"issued",...}
//
// Each `data` is the request as GET shows it. A browser's EventSource connects again whenever a stream ends; it then
// names the last id, and where that is `outcome` the answer is 204, which tells it to stop.
#pragma once

#include <cstdint>

#include "gateway/calls/polling.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class EventsHandler {
 public:
  // Between two looks at a position: what a poller would be advised, but no less than this.
  static constexpr std::int64_t update_ms_min = 500;
  // Something is written at least so often, so that proxies keep the connection and a client that has gone is noticed.
  static constexpr std::int64_t heartbeat_ms = 15'000;
  // While so much is unsent, positions are left out: the client gets the newest one when it reads again.
  static constexpr std::size_t unsent_bytes_max = 4 * 1024;
  // How long a client waits before it connects again: from here to twice that.
  static constexpr std::uint32_t retry_ms_min = 1'000;

  explicit EventsHandler(Parts& parts) : parts_(parts), polling_(parts), answers_(parts) {}

  // 404 for what is no receipt, 410 where its outcome is gone, 503 above settings.streams_max.
  void get(Call& call);

 private:
  class Stream;

  Parts& parts_;
  Polling polling_;
  RequestAnswers answers_;
};

}  // namespace openrun::gateway
