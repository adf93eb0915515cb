// A logger and instruments that keep nothing.
#pragma once

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::simulation {

class QuietLogger final : public ports::Logger {
 public:
  void log(ports::LogLevel /*level*/, std::string_view /*message*/,
           std::initializer_list<ports::LogField> /*fields*/) override {}
};

class QuietMetrics final : public ports::Metrics {
 public:
  ports::Counter& counter(std::string_view /*name*/, std::string_view /*help*/, const Labels& /*labels*/) override {
    return instrument_;
  }
  ports::Gauge& gauge(std::string_view /*name*/, std::string_view /*help*/, const Labels& /*labels*/) override {
    return instrument_;
  }
  ports::Histogram& histogram(std::string_view /*name*/, std::string_view /*help*/,
                              const std::vector<double>& /*bounds*/, const Labels& /*labels*/) override {
    return instrument_;
  }
  [[nodiscard]] std::string text() const override { return {}; }

 private:
  struct Instrument final : ports::Counter, ports::Gauge, ports::Histogram {
    void add(double /*n*/) override {}
    void set(double /*v*/) override {}
    void observe(double /*v*/) override {}
  };
  Instrument instrument_;
};

}  // namespace openrun::simulation
