#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/telemetry/logger.hpp>

namespace openrun::telemetry {
namespace {

using ports::LogLevel;
using ::testing::HasSubstr;
using ::testing::Not;

std::string logged(LogLevel minimum, const std::function<void(ports::Logger&)>& use) {
  ::testing::internal::CaptureStderr();
  const auto logger = make_logger("issuer", "issuer-1", minimum);
  use(*logger);
  return ::testing::internal::GetCapturedStderr();
}

TEST(JsonLogger, WritesOneObjectALine) {
  const std::string text = logged(LogLevel::info, [](ports::Logger& logger) {
    logger.info("batch committed",
                {{"partition", std::int64_t{3}}, {"took_ms", 1.5}, {"full", true}, {"by", std::string("x")}});
  });
  std::string shape = text;  // every digit of the time as a 0
  std::replace_if(shape.begin() + 8, shape.begin() + 34, [](char c) { return c >= '1' && c <= '9'; }, '0');
  EXPECT_EQ(shape, R"({"time":"0000-00-00T00:00:00.000Z","level":"info","daemon":"issuer","instance":"issuer-1",)"
                   R"("message":"batch committed","partition":3,"took_ms":1.5,"full":true,"by":"x"})"
                   "\n");
}

TEST(JsonLogger, EscapesWhatJsonCannotHold) {
  const std::string text = logged(LogLevel::info, [](ports::Logger& logger) {
    logger.info("m", {{"v", std::string("a\"b\\c\nd\te\rf\x01g\x7Fh")}, {"nul", std::string("a\0b", 3)}});
  });
  EXPECT_THAT(text, HasSubstr(R"("v":"a\"b\\c\nd\te\rf\u0001g\u007fh","nul":"a\u0000b")"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(JsonLogger, KeepsUtf8AndReplacesWhatIsNot) {
  const std::string text = logged(LogLevel::info, [](ports::Logger& logger) {
    logger.info("쿠폰", {{"bad", std::string("a\xFFz\xE2\x82")}, {"line", std::string("\xE2\x80\xA8")}});
  });
  EXPECT_THAT(
      text, HasSubstr("\"message\":\"쿠폰\",\"bad\":\"a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\",\"line\":\"\\u2028\""));
}

TEST(JsonLogger, ANumberThatJsonDoesNotKnowBecomesNull) {
  EXPECT_THAT(logged(LogLevel::info, [](ports::Logger& logger) { logger.info("m", {{"v", std::nan("")}}); }),
              HasSubstr("\"v\":null"));
}

TEST(JsonLogger, LeavesOutWhatIsBelowTheMinimum) {
  const std::string text = logged(LogLevel::warning, [](ports::Logger& logger) {
    logger.debug("one");
    logger.info("two");
    logger.warning("three {}");  // braces are not a format
    logger.error("four");
    logger.critical("five");
  });
  EXPECT_THAT(text, Not(HasSubstr("one")));
  EXPECT_THAT(text, Not(HasSubstr("two")));
  EXPECT_THAT(
      text,
      HasSubstr("\"level\":\"warning\",\"daemon\":\"issuer\",\"instance\":\"issuer-1\",\"message\":\"three {}\""));
  EXPECT_THAT(text, HasSubstr("\"level\":\"error\""));
  EXPECT_THAT(text, HasSubstr("\"level\":\"critical\""));
}

TEST(JsonLogger, ANewMinimumCountsAtOnceAndIsToldWhateverTheMinimum) {
  ::testing::internal::CaptureStderr();
  const auto logger = make_logger("issuer", "issuer-1", LogLevel::error);
  logger->warning("before");
  logger->set_minimum(LogLevel::warning);
  logger->warning("between");
  logger->set_minimum(LogLevel::error);
  logger->warning("after");
  EXPECT_FALSE(logger->writes(LogLevel::warning));
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_THAT(text, HasSubstr(R"("level":"info","daemon":"issuer","instance":"issuer-1",)"
                              R"("message":"log level is set","minimum":"warning")"));
  EXPECT_THAT(text, HasSubstr(R"("message":"between")"));
  EXPECT_THAT(text, HasSubstr(R"("message":"log level is set","minimum":"error")"));
}

TEST(JsonLogger, LinesOfSeveralThreadsStayWhole) {
  const std::string text = logged(LogLevel::info, [](ports::Logger& logger) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) logger.info("m", {{"padding", std::string(100, 'x')}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::size_t lines = 0;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1, ++lines) {
    ASSERT_EQ(text[begin], '{');
    ASSERT_EQ(text.substr(end - 3, 3), "x\"}");
  }
  EXPECT_EQ(lines, 800U);
}

}  // namespace
}  // namespace openrun::telemetry
