#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/clock.hpp>
#include <openrun/ports/testing/recording.hpp>

namespace openrun::ports::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RecordingLogger, ALineHoldsLevelMessageAndEveryField) {
  RecordingLogger logger;
  logger.warning("a thing happened",
                 {{"name", std::string("x")}, {"count", std::int64_t{7}}, {"seconds", 1.5}, {"again", true}});
  logger.info("another");
  EXPECT_THAT(logger.lines(),
              ElementsAre("warning a thing happened name=x count=7 seconds=1.5 again=true", "info another"));
  EXPECT_THAT(logger.messages(), ElementsAre("a thing happened", "another"));
}

TEST(RecordingLogger, CountsByWholeMessageByItsPartAndByAnyText) {
  RecordingLogger logger;
  logger.info("a thing", {{"where", std::string("there")}});
  logger.error("a thing of another kind");
  EXPECT_EQ(logger.count("a thing"), 1U);
  EXPECT_EQ(logger.messages_with("a thing"), 2U);
  EXPECT_EQ(logger.messages_with("there"), 0U) << "it stands in a field";
  EXPECT_EQ(logger.lines_with("where=there"), 1U);
  EXPECT_EQ(logger.lines_with("error"), 1U);
}

TEST(RecordingLogger, WhatWasTakenIsNotKept) {
  RecordingLogger logger;
  logger.info("first");
  EXPECT_THAT(logger.taken(), ElementsAre("info first"));
  EXPECT_THAT(logger.taken(), IsEmpty());
  EXPECT_EQ(logger.count("first"), 0U);
}

TEST(RecordingLogger, TellsTheTraceIdsOfAMessageInTheirOrder) {
  RecordingLogger logger;
  logger.info("decided", {{"trace_id", std::string("b")}});
  logger.info("decided", {{"trace_id", std::string()}});
  logger.info("decided", {{"trace_id", std::string("a")}});
  logger.info("answered", {{"trace_id", std::string("c")}});
  EXPECT_THAT(logger.trace_ids("decided"), ElementsAre("b", "a"));
}

TEST(RecordingMetrics, ASeriesIsFoundByItsLabelsAndByItsText) {
  RecordingMetrics metrics;
  metrics.counter("openrun_x_total", "", {{"a", "1"}, {"b", "2"}}).add(3);
  EXPECT_EQ(metrics.value("openrun_x_total", {{"b", "2"}, {"a", "1"}}), 3);
  EXPECT_EQ(metrics.value(R"(openrun_x_total{a="1",b="2"})"), 3);
  EXPECT_EQ(metrics.text(), "openrun_x_total{a=\"1\",b=\"2\"} 3.000000\n");
}

TEST(RecordingMetrics, TheSameNameAndLabelsAreTheSameInstrument) {
  RecordingMetrics metrics;
  metrics.counter("openrun_x_total", "").add();
  metrics.counter("openrun_x_total", "").add(2);
  EXPECT_EQ(metrics.value("openrun_x_total"), 3);
}

TEST(RecordingMetrics, WhatWasNeverMadeIsEqualToNothing) {
  RecordingMetrics metrics;
  EXPECT_TRUE(std::isnan(metrics.value("openrun_x")));
  metrics.gauge("openrun_x", "", {{"cause", "y"}});
  EXPECT_TRUE(std::isnan(metrics.value("openrun_x"))) << "only with a label";
  EXPECT_EQ(metrics.value("openrun_x", {{"cause", "y"}}), 0);
  EXPECT_EQ(metrics.series("openrun_x"), 1U);
  EXPECT_EQ(metrics.series("openrun"), 0U);
}

TEST(RecordingMetrics, AHistogramsValueIsTheNumberOfItsObservations) {
  RecordingMetrics metrics;
  Histogram& histogram = metrics.histogram("openrun_x_seconds", "", {1, 2});
  histogram.observe(0.5);
  histogram.observe(7);
  EXPECT_EQ(metrics.value("openrun_x_seconds"), 2);
}

TEST(Recording, LosesNothingOfWhatSeveralThreadsTell) {
  constexpr int threads = 4;
  constexpr int times = 1'000;
  RecordingLogger logger;
  RecordingMetrics metrics;
  {
    std::vector<std::jthread> tellers;
    for (int i = 0; i < threads; ++i) {
      tellers.emplace_back([&] {
        Counter& counter = metrics.counter("openrun_x_total", "");
        for (int n = 0; n < times; ++n) {
          counter.add();
          logger.info("told");
        }
      });
    }
  }
  EXPECT_EQ(logger.count("told"), std::size_t{threads} * times);
  EXPECT_EQ(metrics.value("openrun_x_total"), threads * times);
}

TEST(FakeClock, MovesWhenItIsTold) {
  FakeClock clock(Timestamp{5});
  const std::int64_t before_us = clock.monotonic_us();
  EXPECT_EQ(clock.now(), Timestamp{5});
  clock.advance_ms(3);
  EXPECT_EQ(clock.now(), Timestamp{8});
  EXPECT_EQ(clock.monotonic_us() - before_us, 3'000);
}

}  // namespace
}  // namespace openrun::ports::testing
