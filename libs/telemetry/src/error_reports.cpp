#include <array>
#include <chrono>
#include <mutex>
#include <utility>

#include <openrun/base/trace_context.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/telemetry/error_reports.hpp>

#include "host_name.hpp"
#include "http_post.hpp"
#include "report_budget.hpp"
#include "sentry_event.hpp"
#include "upload_queue.hpp"

namespace openrun::telemetry {
namespace {

std::string random_event_id() {
  std::array<std::uint8_t, 16> bytes{};
  crypto::random_bytes(bytes);
  std::string id;
  append_hexadecimal(id, bytes);
  return id;
}

class SentryReports final : public ErrorReports {
 public:
  explicit SentryReports(ErrorReporting options)
      : url_(std::move(options.dsn.envelope_url)),
        authorization_("X-Sentry-Auth: Sentry sentry_version=7, sentry_client=openrun/" + options.version +
                       ", sentry_key=" + options.dsn.public_key),
        origin_{std::move(options.daemon), std::move(options.instance), host_name(), std::move(options.version)},
        queue_(
            {.queue_max = queue_max, .batch_max = 1}, make_http_poster(options.ca_file),
            {.encode = [this](const std::vector<Event>& events) { return encode(events.front()); },
             .judge = judge,
             .count = [counts = counts_](Verdict::Fate fate, std::size_t events) { count(*counts, fate, events); }}) {}

  void report(ports::LogLevel level, std::string_view message, std::initializer_list<ports::LogField> fields) override {
    using std::chrono::duration_cast;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    std::optional<std::uint64_t> left_out;
    {
      const std::lock_guard lock(mutex_);
      left_out = budget_.admit(message, duration_cast<std::chrono::microseconds>(now).count());
    }
    if (!left_out) {
      ++counts_->left_out;
      return;
    }
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    queue_.add(make_event(origin_, random_event_id(), duration_cast<std::chrono::milliseconds>(wall).count(), level,
                          message, fields, *left_out));
  }

  [[nodiscard]] std::shared_ptr<const ReportCounts> counts() const override { return counts_; }

 private:
  PostRequest encode(const Event& event) const {
    return {url_, {"Content-Type: application/x-sentry-envelope", authorization_, "Expect:"}, envelope_of(event)};
  }

  static Verdict judge(const PostAnswer& answer, int attempt) {
    constexpr RetrySettings settings{.attempts_max = 3};
    return judge_sentry(answer, attempt, static_cast<double>(crypto::random_u32()) / 4'294'967'295.0, settings);
  }

  static void count(ReportCounts& counts, Verdict::Fate fate, std::size_t events) {
    if (fate == Verdict::Fate::sent) counts.sent += events;
    if (fate == Verdict::Fate::dropped) counts.dropped += events;
  }

  const std::string url_;
  const std::string authorization_;  // a secret
  const EventOrigin origin_;
  const std::shared_ptr<ReportCounts> counts_ = std::make_shared<ReportCounts>();
  std::mutex mutex_;
  ReportBudget budget_{events_of_a_message_max, events_max};
  UploadQueue<Event> queue_;
};

}  // namespace

std::unique_ptr<ErrorReports> make_error_reports(ErrorReporting options) {
  return std::make_unique<SentryReports>(std::move(options));
}

}  // namespace openrun::telemetry
