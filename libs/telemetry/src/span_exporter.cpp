#include <chrono>
#include <cstdint>
#include <utility>

#include <openrun/crypto/mac.hpp>
#include <openrun/telemetry/spans.hpp>

#include "host_name.hpp"
#include "http_post.hpp"
#include "otlp.hpp"
#include "upload_queue.hpp"
#include "wall_clock.hpp"

namespace openrun::telemetry {
namespace {

constexpr std::size_t spans_a_post_max = 512;
constexpr std::chrono::milliseconds collect{1'000};

Resource resource_of(const SpanExport& options) {
  Resource resource{{"service.name", options.service}, {"service.version", options.version}};
  if (!options.instance.empty()) resource.emplace_back("service.instance.id", options.instance);
  if (std::string host = host_name(); !host.empty()) resource.emplace_back("host.name", std::move(host));
  return resource;
}

template <class Clock>
std::int64_t ns_of() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

std::string traces_url(std::string endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint + "/v1/traces";
}

class SpanExporter final : public ports::SpanSink {
 public:
  SpanExporter(SpanExport options, ports::Metrics& metrics, ports::Logger& logger)
      : url_(traces_url(options.endpoint)),
        version_(options.version),
        resource_(resource_of(options)),
        logger_(logger),
        added_(counter(metrics, "added")),
        sent_(counter(metrics, "sent")),
        dropped_(counter(metrics, "dropped")),
        queue_({.queue_max = options.queue_max, .batch_max = spans_a_post_max, .collect = collect},
               make_http_poster({}),
               {.encode = [this](const std::vector<ports::Span>& spans) { return encode(spans); },
                .judge = [this](const PostAnswer& answer, int attempt) { return judge(answer, attempt); },
                .count = [this](Verdict::Fate fate, std::size_t spans) { count(fate, spans); }}) {}

  void add(ports::Span span) override { queue_.add(std::move(span)); }

  [[nodiscard]] std::int64_t epoch_ns(std::int64_t monotonic_us) const override {
    // Both clocks now: the wall clock may have been set since the daemon began.
    return wall_ahead_ns(ns_of<std::chrono::system_clock>, ns_of<std::chrono::steady_clock>) + monotonic_us * 1'000;
  }

 private:
  static ports::Counter& counter(ports::Metrics& metrics, const char* fate) {
    return metrics.counter("openrun_spans_total",
                           "Spans of sampled requests: added to the queue, sent to the receiver, or dropped",
                           {{"fate", fate}});
  }

  PostRequest encode(const std::vector<ports::Span>& spans) const {
    return {url_, {"Content-Type: application/json", "Expect:"}, encode_otlp(resource_, version_, spans)};
  }

  Verdict judge(const PostAnswer& answer, int attempt) {
    const double jitter = static_cast<double>(crypto::random_u32()) / 4'294'967'295.0;
    const Verdict verdict = judge_otlp(answer, attempt, jitter, {});
    tell_change(verdict.fate == Verdict::Fate::sent, answer);
    return verdict;
  }

  // A line for each episode, not for each batch.
  void tell_change(bool arrives, const PostAnswer& answer) {
    if (arrives == arrives_) return;
    arrives_ = arrives;
    if (arrives) return logger_.info("spans reach their receiver again");
    logger_.warning("spans do not reach their receiver",
                    {{"status", std::int64_t{answer.status}}, {"error", answer.error}});
  }

  void count(Verdict::Fate fate, std::size_t spans) {
    ports::Counter& counter = fate == Verdict::Fate::again ? added_ : fate == Verdict::Fate::sent ? sent_ : dropped_;
    counter.add(static_cast<double>(spans));
  }

  const std::string url_;
  const std::string version_;
  const Resource resource_;
  ports::Logger& logger_;
  ports::Counter& added_;
  ports::Counter& sent_;
  ports::Counter& dropped_;
  bool arrives_ = true;  // of the queue's thread
  UploadQueue<ports::Span> queue_;
};

}  // namespace

std::unique_ptr<ports::SpanSink> make_span_exporter(SpanExport options, ports::Metrics& metrics,
                                                    ports::Logger& logger) {
  return std::make_unique<SpanExporter>(std::move(options), metrics, logger);
}

}  // namespace openrun::telemetry
