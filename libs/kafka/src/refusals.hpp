// From what librdkafka says to what is wrong, for one handle.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/base/result.hpp>
#include <openrun/kafka/health.hpp>

namespace openrun::kafka {

// Empty where the line is about something else, such as a broker that is down.
[[nodiscard]] std::optional<Trouble> trouble_in(std::string_view line);

// What one handle has met last. Any thread.
class Refusals {
 public:
  // `health` may be null.
  explicit Refusals(Health* health) : health_(health) {}
  ~Refusals();
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  void heard(std::string_view line);
  void served();
  // Refused, and not served since.
  [[nodiscard]] bool stands() const { return was_refused_; }

  // The error, with what is wrong behind it where the handle was refused lately.
  [[nodiscard]] Error explained(Error error) const;

 private:
  Health* const health_;
  mutable std::mutex mutex_;
  std::optional<Refusal> last_;
  std::atomic<bool> was_refused_ = false;  // whether last_ is set: served() is called for every answer
  Health::Clock::time_point at_;
};

}  // namespace openrun::kafka
