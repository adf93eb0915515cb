#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/telemetry/metrics.hpp>

namespace openrun::telemetry {
namespace {

using ::testing::HasSubstr;

// The value of the sample that begins with `series`, or -1.
double sample(const std::string& text, const std::string& series) {
  const std::size_t at = text.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

TEST(PrometheusMetrics, CountersGaugesAndHistogramsAreShownAsText) {
  const auto metrics = make_metrics("issuer", "1.2.3");
  metrics->counter("openrun_records_total", "Records.").add(2);
  metrics->counter("openrun_records_total", "Records.").add();
  metrics->gauge("openrun_backlog", "Backlog.", {{"partition", "3"}}).set(7.5);
  auto& histogram = metrics->histogram("openrun_seconds", "Time.", {0.1, 1.0}, {{"call", "x"}});
  for (const double value : {0.05, 0.1, 0.5, 5.0}) histogram.observe(value);
  const std::string text = metrics->text();
  EXPECT_THAT(text, HasSubstr("# HELP openrun_records_total Records.\n# TYPE openrun_records_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE openrun_backlog gauge\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE openrun_seconds histogram\n"));
  EXPECT_EQ(sample(text, "openrun_records_total"), 3);
  EXPECT_EQ(sample(text, "openrun_backlog{partition=\"3\"}"), 7.5);
  EXPECT_EQ(sample(text, "openrun_seconds_count{call=\"x\"}"), 4);
  EXPECT_NEAR(sample(text, "openrun_seconds_sum{call=\"x\"}"), 5.65, 1e-9);
  EXPECT_EQ(sample(text, "openrun_seconds_bucket{call=\"x\",le=\"0.1\"}"), 2);
  EXPECT_EQ(sample(text, "openrun_seconds_bucket{call=\"x\",le=\"1\"}"), 3);
  EXPECT_EQ(sample(text, "openrun_seconds_bucket{call=\"x\",le=\"+Inf\"}"), 4);
}

TEST(PrometheusMetrics, TheSameNameAndLabelsGiveTheSameInstrument) {
  const auto metrics = make_metrics("issuer", "1.2.3");
  auto& first = metrics->counter("openrun_x_total", "X.", {{"a", "1"}});
  EXPECT_EQ(&first, &metrics->counter("openrun_x_total", "X.", {{"a", "1"}}));
  EXPECT_NE(&first, &metrics->counter("openrun_x_total", "X.", {{"a", "2"}}));
}

TEST(PrometheusMetricsDeathTest, ANameOfAnotherKindIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto metrics = make_metrics("issuer", "1.2.3");
  metrics->counter("openrun_x_total", "X.");
  EXPECT_DEATH(metrics->gauge("openrun_x_total", "X."), "one kind of instrument");
}

TEST(PrometheusMetrics, TheProcessShowsWhatItUsesAndWhatItIs) {
  const std::string text = make_metrics("issuer", "1.2.3")->text();
  EXPECT_THAT("\n" + text, HasSubstr("\nopenrun_build_info{daemon=\"issuer\",version=\"1.2.3\"} 1\n"));
  EXPECT_GT(sample(text, "process_resident_memory_bytes"), 100'000);
  EXPECT_GE(sample(text, "process_cpu_seconds_total"), 0);
  EXPECT_GE(sample(text, "process_open_fds"), 3);
  EXPECT_GE(sample(text, "process_threads"), 1);
  EXPECT_GT(sample(text, "process_start_time_seconds"), 1.6e9);
}

TEST(PrometheusMetrics, UpdatesOfSeveralThreadsAllCount) {
  const auto metrics = make_metrics("issuer", "1.2.3");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        metrics->counter("openrun_x_total", "X.").add();
        metrics->histogram("openrun_seconds", "Time.", {0.5}).observe(1);
        if (i % 100 == 0) (void)metrics->text();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = metrics->text();
  EXPECT_EQ(sample(text, "openrun_x_total"), 4'000);
  EXPECT_EQ(sample(text, "openrun_seconds_count"), 4'000);
}

}  // namespace
}  // namespace openrun::telemetry
