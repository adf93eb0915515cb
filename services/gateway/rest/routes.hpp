// From method and path to a handler: a table. Knows no Beast; any thread after construction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/metrics.hpp>

#include "gateway/access/quota.hpp"

namespace openrun::gateway {

// Which limits count for a call (access/limits.hpp).
enum class Door : std::uint8_t {
  counted,    // by client address
  operators,  // as counted, and also while everybody else is refused: it says why
  submit,     // by client address in buckets of their own, and shed first where there is too much; then Limits::submit
  poll,       // not at the door: Limits::poll, once the receipt is verified
  open,       // none
};

// One call as a handler sees it. `request` and `argument` are valid until the handler returns; the rest may be kept.
struct Call {
  ports::IoThread& io;
  const ports::HttpRequest& request;
  std::string_view argument;  // what stands at {} in the path, not percent-decoded
  std::shared_ptr<ports::HttpReply> reply;
  Quota* quota = nullptr;        // what the limits say of it; goes out with the answer. Lives as long as `reply`
  std::int64_t received_us = 0;  // monotonic
};
using CallHandler = std::function<void(Call&)>;

struct Route {
  ports::HttpMethod method;
  std::string_view pattern;  // a literal such as /v1/campaigns/{}/requests, at most one {}
  CallHandler handler;
  Door door = Door::counted;
  // A literal: with this at {} it is a submit too, whatever the door.
  std::string_view submit_argument = {};  // NOLINT(readability-redundant-member-init): may be left out
};

class Router {
 public:
  // Asked before each handler; an answer is sent instead.
  using AtDoor = std::function<std::optional<ports::HttpResponse>(Call&, Door)>;

  Router(std::vector<Route> routes, ports::Metrics& metrics, const ports::Clock& clock, AtDoor at_door = {});

  // "post /v1/things/{}": what the table holds, in its order, methods in lower case.
  [[nodiscard]] std::vector<std::string> names() const;
  // Whether such a request is a submit, by method and path as they were sent. See ports::HttpLine.
  [[nodiscard]] bool is_submit(std::string_view method, std::string_view path) const;
  // Answers 404 for a path that no route has, 405 with Allow for a method that the path has not, and OPTIONS with
  // Allow.
  void handle(ports::IoThread& io, const ports::HttpRequest& request, std::shared_ptr<ports::HttpReply> reply) const;

 private:
  struct Instruments {
    ports::Counter* by_class[5];
    ports::Histogram* seconds;
  };
  struct Entry {
    ports::HttpMethod method;
    std::string_view before;  // of {}, or the whole pattern
    std::string_view after;
    bool has_argument = false;
    std::string_view pattern;
    CallHandler handler;
    Door door = Door::counted;
    std::string_view submit_argument;
    Instruments instruments;
  };
  class Counted;

  [[nodiscard]] static Instruments instruments(ports::Metrics& metrics, std::string_view pattern);
  [[nodiscard]] static bool matches(const Entry& entry, std::string_view path, std::string_view& argument);
  [[nodiscard]] std::string allowed(std::string_view path) const;

  std::vector<Entry> entries_;
  Instruments other_;
  const ports::Clock& clock_;
  AtDoor at_door_;
};

}  // namespace openrun::gateway
