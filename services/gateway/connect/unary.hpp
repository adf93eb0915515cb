// One unary call as a service sees it, whatever protocol brought it: a message in, a message or a failure out. Knows no
// dialect and no HTTP beyond the headers that came with the call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include <openrun/ports/http.hpp>

#include "gateway/access/quota.hpp"

namespace openrun::gateway::connect {

// gRPC's numbers.
enum class Code : std::uint8_t {
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  unauthenticated = 16,
};

// `message` is for the caller.
struct Failure {
  Code code = Code::unknown;
  std::string message;
  std::int64_t retry_after_s = 0;  // 0: nothing is known of it
};

// Answers one call, exactly once, on its I/O thread.
class UnaryReply {
 public:
  virtual ~UnaryReply() = default;
  virtual void succeed(const google::protobuf::Message& message) = 0;
  virtual void fail(const Failure& failure) = 0;
};

// `request` is valid until the method returns; the rest may be kept. Of `request` only the headers and the address mean
// anything: the message has been read already.
struct UnaryCall {
  ports::IoThread& io;
  const ports::HttpRequest& request;
  std::int64_t received_us = 0;  // monotonic
  std::int64_t deadline_us = 0;  // monotonic: by then the caller wants an answer
  std::shared_ptr<UnaryReply> reply;
  Quota* quota = nullptr;  // what the limits say of the call; lives as long as `reply`
};

struct Method {
  std::string_view name;
  std::function<const google::protobuf::Message&()> prototype;  // of its request
  std::function<void(UnaryCall&, const google::protobuf::Message&)> run;
};

struct Service {
  std::string_view name;     // with its package
  std::string_view pattern;  // its route: /{name}/{}
  std::vector<Method> methods;
};

// `handler` must outlive the method.
template <class Request, class Handler>
Method unary(std::string_view name, Handler& handler, void (Handler::*member)(UnaryCall&, const Request&)) {
  return {name, []() -> const google::protobuf::Message& { return Request::default_instance(); },
          [&handler, member](UnaryCall& call, const google::protobuf::Message& message) {
            (handler.*member)(call, static_cast<const Request&>(message));
          }};
}

}  // namespace openrun::gateway::connect
