// A logger and instruments that keep nothing, for simulators and fuzzers, which would pay for what is kept, and for
// tests that ask nothing of them. For tests alone. Any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::ports::testing {

class QuietLogger final : public Logger {
 public:
  void log(LogLevel /*level*/, std::string_view /*message*/, std::initializer_list<LogField> /*fields*/) override {}
};

class QuietMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view /*name*/, std::string_view /*help*/, const Labels& /*labels*/ = {}) override {
    return instrument_;
  }
  Gauge& gauge(std::string_view /*name*/, std::string_view /*help*/, const Labels& /*labels*/ = {}) override {
    return instrument_;
  }
  Histogram& histogram(std::string_view /*name*/, std::string_view /*help*/, const std::vector<double>& /*bounds*/,
                       const Labels& /*labels*/ = {}) override {
    return instrument_;
  }
  [[nodiscard]] std::string text() const override { return {}; }

 private:
  struct Instrument final : Counter, Gauge, Histogram {
    void add(double /*n*/) override {}
    void set(double /*v*/) override {}
    void observe(double /*v*/) override {}
  };
  Instrument instrument_;
};

}  // namespace openrun::ports::testing
