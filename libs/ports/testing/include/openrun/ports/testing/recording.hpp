// A logger and a metrics registry that keep all that they are told, and answer what tests ask. For tests alone. Any
// thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::ports::testing {

// A line reads `error an invariant is violated invariant=x campaign=7`: level, message, and the fields in their order.
class RecordingLogger final : public Logger {
 public:
  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) override;

  [[nodiscard]] std::vector<std::string> lines() const;
  // The lines since it was last called; nothing is known of them any more.
  [[nodiscard]] std::vector<std::string> taken();
  // The lines' messages alone, without level and fields.
  [[nodiscard]] std::vector<std::string> messages() const;
  // How many lines hold that text anywhere, and how many hold it in their message.
  [[nodiscard]] std::size_t lines_with(std::string_view text) const;
  [[nodiscard]] std::size_t messages_with(std::string_view text) const;
  // How many lines have exactly that message.
  [[nodiscard]] std::size_t count(std::string_view message) const;
  // The trace ids that were told with that message, in order.
  [[nodiscard]] std::vector<std::string> trace_ids(std::string_view message) const;

 private:
  struct Line {
    std::string text;
    std::string message;
    std::string trace_id;
  };
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

class RecordingMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {}) override;
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {}) override;
  Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                       const Labels& labels = {}) override;
  // A line `name{label="value"} 1` for each series.
  [[nodiscard]] std::string text() const override;

  // By name and labels, or by the whole as text() writes it, such as `openrun_requests_total{outcome="issued"}`. A
  // histogram's value is the number of its observations. Where there is no such series it is not a number, which is
  // equal to nothing.
  [[nodiscard]] double value(std::string_view name, const Labels& labels = {}) const;
  // How many series have that name, whatever their labels.
  [[nodiscard]] std::size_t series(std::string_view name) const;

 private:
  struct Instrument final : Counter, Gauge, Histogram {
    void add(double n) override { value.fetch_add(n); }
    void set(double v) override { value.store(v); }
    void observe(double /*v*/) override { value.fetch_add(1); }
    std::atomic<double> value{0};
  };
  Instrument& at(std::string_view name, const Labels& labels);

  mutable std::mutex mutex_;
  std::map<std::string, Instrument> instruments_;
};

}  // namespace openrun::ports::testing
