// A logger and a metrics registry that keep what they are told, for tests. Any thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::testing {

class KeptLog final : public ports::Logger {
 public:
  void log(ports::LogLevel /*level*/, std::string_view message,
           std::initializer_list<ports::LogField> /*fields*/) override {
    const std::lock_guard lock(mutex_);
    messages_.emplace_back(message);
  }
  [[nodiscard]] std::size_t count(std::string_view message) const {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const auto& m : messages_) n += m == message ? 1 : 0;
    return n;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> messages_;
};

class KeptMetrics final : public ports::Metrics {
  struct Value final : ports::Counter, ports::Gauge, ports::Histogram {
    explicit Value(std::mutex& m) : mutex(m) {}
    void add(double n) override {
      const std::lock_guard lock(mutex);
      value += n;
    }
    void set(double v) override {
      const std::lock_guard lock(mutex);
      value = v;
    }
    void observe(double /*v*/) override { add(1); }
    std::mutex& mutex;
    double value = 0;
  };

 public:
  ports::Counter& counter(std::string_view name, std::string_view /*help*/, const Labels& labels) override {
    return at(name, labels);
  }
  ports::Gauge& gauge(std::string_view name, std::string_view /*help*/, const Labels& labels) override {
    return at(name, labels);
  }
  ports::Histogram& histogram(std::string_view name, std::string_view /*help*/, const std::vector<double>& /*bounds*/,
                              const Labels& labels) override {
    return at(name, labels);
  }
  [[nodiscard]] std::string text() const override { return {}; }

  // A histogram's value is the number of its observations.
  [[nodiscard]] double value(std::string_view name, const Labels& labels = {}) {
    Value& found = at(name, labels);
    const std::lock_guard lock(mutex_);
    return found.value;
  }

 private:
  Value& at(std::string_view name, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    const auto key = std::pair{std::string(name), labels};
    const auto found = values_.find(key);
    if (found != values_.end()) return *found->second;
    storage_.emplace_back(mutex_);
    return *values_.emplace(key, &storage_.back()).first->second;
  }
  mutable std::mutex mutex_;
  std::deque<Value> storage_;
  std::map<std::pair<std::string, Labels>, Value*> values_;
};

// Real time: for tests of shells, whose threads wait for real.
class RealClock : public ports::Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    using namespace std::chrono;
    return Timestamp{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
  }
  [[nodiscard]] std::int64_t monotonic_us() const override {
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
  }
};

}  // namespace openrun::testing
