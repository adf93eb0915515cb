// What Prometheus expects of every process, read from /proc when asked.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

namespace openrun::telemetry {

class ProcessMetrics {
 public:
  ProcessMetrics(std::string daemon, std::string version);
  // Any thread. A value that cannot be read is left out.
  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

 private:
  std::string daemon_;
  std::string version_;
};

}  // namespace openrun::telemetry
