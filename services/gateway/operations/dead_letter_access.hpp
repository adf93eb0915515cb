// How the gateway comes to dead letters: a store of its own for each call, and a producer of its own for each replay,
// because the gateway's own appender tells deliveries to those who wait for them.
#pragma once

#include <functional>
#include <memory>

#include <openrun/base/result.hpp>
#include <openrun/ports/dead_letters.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::gateway {

// Asked on threads of the pool; empty functions: this gateway has no access.
struct DeadLetterAccess {
  std::function<std::unique_ptr<ports::DeadLetterStore>()> store;
  std::function<Result<std::unique_ptr<ports::LogAppender>>(ports::LogAppender::OnDeliveries)> log;
};

}  // namespace openrun::gateway
