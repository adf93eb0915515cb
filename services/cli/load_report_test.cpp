// What a run's report prints, word for word.
#include "cli/load_report.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LoadReport : public ::testing::Test {
 protected:
  LoadReport() {
    report.send_seconds = 2;
    report.cpu = {
        .seconds = 2,
        .decided = 100'000,
        .uses = {{"gateway", 1, 0, 0.75}, {"issuer", 2, 1, 0.25}, {"relay", 1, 1, {}}, {"openrun load", 1, 0, 1.5}}};
  }
  [[nodiscard]] std::string text() const {
    ::testing::internal::CaptureStdout();
    print_load_text(report, {});
    return ::testing::internal::GetCapturedStdout();
  }
  [[nodiscard]] std::string json() const {
    ::testing::internal::CaptureStdout();
    print_load_json(report, {}, {}, {});
    return ::testing::internal::GetCapturedStdout();
  }
  load::Report report;
};

TEST_F(LoadReport, TellsPeopleTheCpuOfEachAndTheSumOfThoseThatWereNamed) {
  EXPECT_THAT(
      text(),
      HasSubstr(
          "CPU of gateway             0.75 s     0.38 of a core       7.5 us a decided request\n"
          "CPU of issuer              0.25 s     0.12 of a core       2.5 us a decided request 1 of 2 ended meanwhile: "
          "without what they used\n"
          "CPU of relay           ended meanwhile: what it used is not known\n"
          "CPU of these together      1.00 s     0.50 of a core      10.0 us a decided request 2 of 4 ended meanwhile: "
          "without what they used\n"
          "CPU of openrun load        1.50 s     0.75 of a core      15.0 us a decided request\n"));
}

TEST_F(LoadReport, WhereNobodyWasDecidedNothingIsDivided) {
  report.cpu.decided = 0;
  EXPECT_THAT(text(), HasSubstr("CPU of openrun load        1.50 s     0.75 of a core\n"));
  EXPECT_THAT(json(),
              HasSubstr(R"({"name":"gateway","seconds":0.75,"of_a_core":0.375,"us_per_decided":null,"ended":0})"));
}

TEST_F(LoadReport, WhereNothingWasMeasuredNothingIsTold) {
  report.cpu = {};
  EXPECT_THAT(text(), Not(HasSubstr("CPU")));
  EXPECT_THAT(json(), HasSubstr(R"("cpu":[],)"));
}

TEST_F(LoadReport, TellsProgramsTheSameWithoutTheSum) {
  EXPECT_THAT(json(),
              HasSubstr(R"("cpu":[{"name":"gateway","seconds":0.75,"of_a_core":0.375,"us_per_decided":7.5,"ended":0},)"
                        R"({"name":"issuer","seconds":0.25,"of_a_core":0.125,"us_per_decided":2.5,"ended":1},)"
                        R"({"name":"relay","seconds":null,"of_a_core":null,"us_per_decided":null,"ended":1},)"
                        R"({"name":"openrun load","seconds":1.5,"of_a_core":0.75,"us_per_decided":15,"ended":0}],)"));
}

}  // namespace
}  // namespace openrun::cli
