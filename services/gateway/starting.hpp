// What a gateway answers while it waits for Postgres or Kafka at its start: it lives, it is not ready, and it says what
// for.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include <openrun/ports/http.hpp>

namespace openrun::gateway {

// waiting_for() from one thread, the handler from any; it must not outlive this.
class Starting {
 public:
  // `trouble`: what is known to be wrong with the server that is waited for, empty where nothing is; fit for anybody's
  // eyes. Any thread; must not block.
  explicit Starting(std::function<std::string()> trouble = {}) : trouble_(std::move(trouble)) {}
  // `server` is told to whoever asks, so it names no host.
  void waiting_for(std::string server);

  //   /livez   200
  //   /readyz  503 NOT_READY with the reason
  //   else     503 OVERLOADED: asking again is safe, and nothing was done
  [[nodiscard]] ports::HttpHandler handler();

 private:
  [[nodiscard]] std::string reason();

  const std::function<std::string()> trouble_;
  std::mutex mutex_;
  std::string server_ = "its servers";
};

}  // namespace openrun::gateway
