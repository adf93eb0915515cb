#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/load/html_report.hpp>

namespace openrun::load {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LoadHtmlReport : public ::testing::Test {
 protected:
  LoadHtmlReport() {
    report.sent = 12'345;
    report.seconds = report.send_seconds = 2;
    report.outcomes = {{"issued", 12'000}, {"SOLD_OUT", 345}};
    report.timeline.resize(2);
    for (int i = 1; i <= 1'000; ++i) {
      report.decided_us.record(i * 10);
      report.timeline[static_cast<std::size_t>(i % 2)].decided_us.record(i * 10);
      report.timeline[static_cast<std::size_t>(i % 2)].decided += 1;
    }
    facts = {"2026-11-22T09:00:00.000Z",
             "some processor, 2 cores",
             "abc1234",
             "openrun load --users 12345",
             {{"mode", "waited"}}};
  }
  [[nodiscard]] std::string page() const { return html_report(report, checks, facts); }
  Report report;
  std::vector<Check> checks{{true, "no user twice"}};
  RunFacts facts;
};

TEST_F(LoadHtmlReport, NamesMachineCommitCommandAndSettings) {
  for (const char* text : {"some processor, 2 cores", "abc1234", "openrun load --users 12345",
                           "2026-11-22T09:00:00.000Z", "<th>mode</th><td>waited</td>"})
    EXPECT_THAT(page(), HasSubstr(text));
}

TEST_F(LoadHtmlReport, ShowsFiguresAndThreePlots) {
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("12,345 requests in 2 s; 500 decided a second"));
  EXPECT_THAT(text, HasSubstr("<th>SOLD_OUT</th><td>345</td>"));
  std::size_t plots = 0;
  for (std::size_t at = text.find("<svg"); at != std::string::npos; at = text.find("<svg", at + 1)) plots += 1;
  EXPECT_EQ(plots, 3U);
}

TEST_F(LoadHtmlReport, ShowsTheCpuBesideTheThroughput) {
  EXPECT_THAT(page(), Not(HasSubstr("CPU"))) << "nothing was measured";
  report.cpu = {.seconds = 2,
                .decided = 1'000,
                .uses = {{"gateway", 1, 0, 0.5}, {"a<b", 2, 1, 0.25}, {"gone", 1, 1, {}}, {"openrun load", 1, 0, 3}}};
  const std::string text = page();
  const auto line = [](const char* name, const char* figures) {
    return "<th>" + std::string(name) + "</th>" + figures + "<td class=\"w\">";
  };
  EXPECT_THAT(text, HasSubstr(line("gateway",
                                   "<td class=\"n\">0.50</td><td class=\"n\">0.25</td>"
                                   "<td class=\"n\">500</td>") +
                              "<div class=\"bar\" style=\"width:16.7%\">"));
  EXPECT_THAT(text, HasSubstr(line("a&lt;b",
                                   "<td class=\"n\">0.25</td><td class=\"n\">0.12</td>"
                                   "<td class=\"n\">250</td>") +
                              "1 of 2 ended meanwhile"));
  EXPECT_THAT(text, HasSubstr(line("gone", "<td class=\"n\">–</td><td class=\"n\">–</td><td class=\"n\">–</td>") +
                              "ended meanwhile: what it used is not known</td>"));
  EXPECT_THAT(text, HasSubstr("<th>these together</th><td class=\"n\">0.75</td>"));
  EXPECT_THAT(text, HasSubstr("<th>openrun load</th><td class=\"n\">3</td>"));
  EXPECT_LT(text.find("second by second"), text.find("CPU until the last outcome"));
  EXPECT_LT(text.find("CPU until the last outcome"), text.find("Latency from"));
}

TEST_F(LoadHtmlReport, LoadsNothingAndRunsNothing) {
  for (const char* text : {"http:", "https:", "<script", "<link", "<img", "@import", "url("})
    EXPECT_THAT(page(), Not(HasSubstr(text)));
}

TEST_F(LoadHtmlReport, TextsCannotBreakOut) {
  facts.command = "openrun load --user-prefix '<script>\"&'";
  EXPECT_THAT(page(), HasSubstr("--user-prefix '&lt;script&gt;&quot;&amp;'"));
  EXPECT_THAT(page(), Not(HasSubstr("<script")));
}

TEST_F(LoadHtmlReport, OneWrongCheckIsTheHeadline) {
  EXPECT_THAT(page(), Not(HasSubstr("NOT EXACT")));
  checks.push_back({false, "a user has two"});
  EXPECT_THAT(page(), HasSubstr("NOT EXACT"));
  EXPECT_THAT(page(), HasSubstr("<th>a user has two</th><td><span class=\"bad\">WRONG"));
}

TEST_F(LoadHtmlReport, ARunWithoutAnswersIsToldToo) {
  report = Report{};
  EXPECT_THAT(page(), HasSubstr("0 requests in 0 s"));
  EXPECT_THAT(page(), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace openrun::load
