#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <variant>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <openrun/base/assert.hpp>
#include <openrun/telemetry/metrics.hpp>

#include "process_metrics.hpp"

namespace openrun::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class AtomicCounter final : public ports::Counter {
 public:
  void add(double n) override { value_.fetch_add(n, std::memory_order_relaxed); }
  void collect(ClientMetric& metric) const { metric.counter.value = value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class AtomicGauge final : public ports::Gauge {
 public:
  void set(double v) override { value_.store(v, std::memory_order_relaxed); }
  void collect(ClientMetric& metric) const { metric.gauge.value = value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Without the lock that prometheus::Histogram takes for each observation: requests are observed on the I/O threads.
class AtomicHistogram final : public ports::Histogram {
 public:
  explicit AtomicHistogram(const std::vector<double>& bounds) : bounds_(bounds), buckets_(bounds.size() + 1) {
    OPENRUN_ASSERT(std::is_sorted(bounds.begin(), bounds.end()), "histogram bounds ascend");
  }
  void observe(double v) override {
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin();
    buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(v, std::memory_order_relaxed);
  }
  // The count is the sum of the buckets, so that a reading in the midst of updates agrees with itself.
  void collect(ClientMetric& metric) const {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      count += buckets_[i].load(std::memory_order_relaxed);
      const double bound = i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = sum_.load(std::memory_order_relaxed);
  }

 private:
  const std::vector<double> bounds_;
  std::deque<std::atomic<std::uint64_t>> buckets_;
  std::atomic<double> sum_{0};
};

template <class Instrument>
struct Family {
  std::string help;
  std::map<ports::Metrics::Labels, std::unique_ptr<Instrument>> instruments;
};
using AnyFamily = std::variant<Family<AtomicCounter>, Family<AtomicGauge>, Family<AtomicHistogram>>;

class PrometheusMetrics final : public ports::Metrics {
 public:
  PrometheusMetrics(const char* daemon, const char* version, std::shared_ptr<const ReportCounts> reports)
      : process_(daemon, version), reports_(std::move(reports)) {}

  ports::Counter& counter(std::string_view name, std::string_view help, const Labels& labels) override {
    return instrument<AtomicCounter>(name, help, labels);
  }
  ports::Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels) override {
    return instrument<AtomicGauge>(name, help, labels);
  }
  ports::Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                              const Labels& labels) override {
    return instrument<AtomicHistogram>(name, help, labels, bounds);
  }

  [[nodiscard]] std::string text() const override {
    std::vector<MetricFamily> families = process_.collect();
    if (reports_) families.push_back(collected(*reports_));
    {
      std::lock_guard lock(mutex_);
      for (const auto& [name, family] : families_) {
        std::visit([&, &key = name](const auto& known) { families.push_back(collected(key, known)); }, family);
      }
    }
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  template <class Instrument, class... Arguments>
  Instrument& instrument(std::string_view name, std::string_view help, const Labels& labels,
                         const Arguments&... arguments) {
    std::lock_guard lock(mutex_);
    auto found = families_.find(name);
    if (found == families_.end()) {
      found = families_.emplace(std::string(name), Family<Instrument>{std::string(help), {}}).first;
    }
    auto* const family = std::get_if<Family<Instrument>>(&found->second);
    OPENRUN_ASSERT(family != nullptr, "a metric's name stands for one kind of instrument");
    std::unique_ptr<Instrument>& slot = family->instruments[labels];
    if (!slot) slot = std::make_unique<Instrument>(arguments...);
    return *slot;
  }

  template <class Instrument>
  static MetricFamily collected(const std::string& name, const Family<Instrument>& family) {
    MetricFamily out;
    out.name = name;
    out.help = family.help;
    out.type = std::is_same_v<Instrument, AtomicCounter> ? MetricType::Counter
               : std::is_same_v<Instrument, AtomicGauge> ? MetricType::Gauge
                                                         : MetricType::Histogram;
    for (const auto& [labels, instrument] : family.instruments) {
      ClientMetric metric;
      for (const auto& [label, value] : labels) metric.label.push_back({label, value});
      instrument->collect(metric);
      out.metric.push_back(std::move(metric));
    }
    return out;
  }

  static MetricFamily collected(const ReportCounts& reports) {
    MetricFamily out;
    out.name = "openrun_error_reports_total";
    out.help = "Lines at level error and above, by what became of their reports";
    out.type = MetricType::Counter;
    const auto add = [&](const char* fate, std::uint64_t count) {
      ClientMetric metric;
      metric.label.push_back({"fate", fate});
      metric.counter.value = static_cast<double>(count);
      out.metric.push_back(std::move(metric));
    };
    add("sent", reports.sent);
    add("dropped", reports.dropped);
    add("left_out", reports.left_out);
    return out;
  }

  const ProcessMetrics process_;
  const std::shared_ptr<const ReportCounts> reports_;
  mutable std::mutex mutex_;
  std::map<std::string, AnyFamily, std::less<>> families_;
};

}  // namespace

std::unique_ptr<ports::Metrics> make_metrics(const char* daemon, const char* version,
                                             std::shared_ptr<const ReportCounts> reports) {
  return std::make_unique<PrometheusMetrics>(daemon, version, std::move(reports));
}

}  // namespace openrun::telemetry
