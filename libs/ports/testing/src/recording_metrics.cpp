#include <algorithm>
#include <limits>

#include <openrun/ports/testing/recording.hpp>

namespace openrun::ports::testing {
namespace {

// As Prometheus's text names a series.
std::string series_of(std::string_view name, const Metrics::Labels& labels) {
  std::string series(name);
  if (labels.empty()) return series;
  char separator = '{';
  for (const auto& [label, value] : labels) {
    series.append(1, separator).append(label).append("=\"").append(value).append("\"");
    separator = ',';
  }
  return series + "}";
}

}  // namespace

RecordingMetrics::Instrument& RecordingMetrics::at(std::string_view name, const Labels& labels) {
  std::lock_guard lock(mutex_);
  return instruments_[series_of(name, labels)];
}

Counter& RecordingMetrics::counter(std::string_view name, std::string_view /*help*/, const Labels& labels) {
  return at(name, labels);
}
Gauge& RecordingMetrics::gauge(std::string_view name, std::string_view /*help*/, const Labels& labels) {
  return at(name, labels);
}
Histogram& RecordingMetrics::histogram(std::string_view name, std::string_view /*help*/,
                                       const std::vector<double>& /*bounds*/, const Labels& labels) {
  return at(name, labels);
}

std::string RecordingMetrics::text() const {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [series, instrument] : instruments_) {
    text += series + " " + std::to_string(instrument.value.load()) + "\n";
  }
  return text;
}

double RecordingMetrics::value(std::string_view name, const Labels& labels) const {
  std::lock_guard lock(mutex_);
  const auto found = instruments_.find(series_of(name, labels));
  return found == instruments_.end() ? std::numeric_limits<double>::quiet_NaN() : found->second.value.load();
}

std::size_t RecordingMetrics::series(std::string_view name) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(instruments_, [&](const auto& entry) {
    const std::string_view series = entry.first;
    return series.substr(0, series.find('{')) == name;
  }));
}

}  // namespace openrun::ports::testing
