// What one user of a connection reports to the process's Health. One thread at a time.
#pragma once

#include <optional>

#include <openrun/postgres/health.hpp>

#include "connection.hpp"

namespace openrun::postgres {

// Empty where the failure says nothing about the store: a record's fault, contention, a call that was cancelled.
[[nodiscard]] std::optional<Trouble> trouble_of(const Failure& failure);

class Watch {
 public:
  // Without a Health it does nothing.
  explicit Watch(Health* health) : health_(health) {}
  void begin(Health::Call call);
  void connected() { call_.connected = true; }
  // Null: the call was answered.
  void end(const Failure* failure);

 private:
  Health* health_;
  Health::Call call_;
  Health::Clock::time_point began_at_;
};

}  // namespace openrun::postgres
