// Metrics as a port. Register at start-up (bounded label values only), update from any thread without a lock.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace openrun::ports {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double n = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double v) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double v) = 0;
};

// References stay valid as long as the registry. The same name and labels give the same instrument.
class Metrics {
 public:
  virtual ~Metrics() = default;
  using Labels = std::map<std::string, std::string>;
  virtual Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {}) = 0;
  virtual Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {}) = 0;
  // Upper bounds in the metric's unit, ascending.
  virtual Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                               const Labels& labels = {}) = 0;
  // Prometheus text exposition.
  [[nodiscard]] virtual std::string text() const = 0;
};

}  // namespace openrun::ports
