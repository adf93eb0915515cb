#include <gtest/gtest.h>

#include <openrun/load/load.hpp>

#include "connection.hpp"

namespace openrun::load {
namespace {

TEST(LoadHistogram, PercentilesAreWithinTwoPercent) {
  Histogram histogram;
  for (int i = 1; i <= 10'000; ++i) histogram.record(i);
  EXPECT_EQ(histogram.count(), 10'000U);
  EXPECT_NEAR(static_cast<double>(histogram.percentile_us(50)), 5'000, 100);
  EXPECT_NEAR(static_cast<double>(histogram.percentile_us(99)), 9'900, 200);
  EXPECT_EQ(histogram.percentile_us(100), 10'000);
  EXPECT_NEAR(histogram.mean_us(), 5'000.5, 0.01);
}

TEST(LoadHistogram, SmallAndHugeValuesKeepTheirPlace) {
  Histogram histogram;
  histogram.record(0);
  histogram.record(63);
  histogram.record(64);
  histogram.record(1LL << 50);
  EXPECT_EQ(histogram.percentile_us(25), 0);
  EXPECT_EQ(histogram.percentile_us(50), 63);
  EXPECT_EQ(histogram.percentile_us(75), 64);
  EXPECT_EQ(histogram.max_us(), (1LL << 40) - 1);
}

TEST(LoadUrl, SaysHowAnAddressIsWritten) {
  EXPECT_EQ(parse_url("http://127.0.0.1:8081/")->port, 8081);
  EXPECT_EQ(parse_url("http://gateway")->port, 80);
  EXPECT_FALSE(parse_url("127.0.0.1:8080"));
  EXPECT_FALSE(parse_url("http://a:port"));
  EXPECT_FALSE(parse_url("http://:80"));
}

TEST(LoadJson, FindsMembersByTheirWholeName) {
  const std::string_view json = R"({"decode":"x","code": "AB","sequence":17,"coupon":{"issued_at":"t"}})";
  EXPECT_EQ(json_member(json, "code"), "AB");
  EXPECT_EQ(json_member(json, "sequence"), "17");
  EXPECT_EQ(json_member(json, "issued_at"), "t");
  EXPECT_EQ(json_member(json, "absent"), "");
}

class LoadVerdict : public ::testing::Test {
 protected:
  LoadVerdict() {
    expectation.stock[7] = 2;
    expectation.starts_at[7] = "2026-11-21T09:00:00.000Z";
    expectation.users_per_campaign = 3;
    report.winners = {{7, 1, 1, "a", "2026-11-21T09:00:00.000Z"}, {7, 2, 2, "b", "2026-11-21T09:00:00.001Z"}};
  }
  [[nodiscard]] std::string wrong() const {
    std::string texts;
    for (const Check& check : verdict(report, expectation)) {
      if (!check.ok) texts += check.text + "\n";
    }
    return texts;
  }
  Expectation expectation;
  Report report;
};

TEST_F(LoadVerdict, AnExactRunPasses) {
  EXPECT_EQ(wrong(), "");
}

TEST_F(LoadVerdict, TheSameCouponShownTwiceIsOneCoupon) {
  report.winners.push_back(report.winners[0]);
  EXPECT_EQ(wrong(), "");
}

TEST_F(LoadVerdict, SeesASecondClickThatIsShownAnotherCode) {
  report.winners.push_back(report.winners[0]);
  report.winners.back().code = "z";
  EXPECT_NE(wrong(), "");
}

TEST_F(LoadVerdict, SeesOneCouponTooMany) {
  report.winners.push_back({7, 3, 3, "c", "2026-11-21T09:00:00.002Z"});
  EXPECT_NE(wrong().find("3 issued of a stock of 2"), std::string::npos);
}

TEST_F(LoadVerdict, SeesOneCouponTooFew) {
  report.winners.pop_back();
  EXPECT_NE(wrong().find("1 issued"), std::string::npos);
}

TEST_F(LoadVerdict, SeesAUserTwice) {
  report.winners[1].user = 1;
  EXPECT_NE(wrong().find("no user twice"), std::string::npos);
}

TEST_F(LoadVerdict, SeesACodeTwice) {
  report.winners[1].code = "a";
  EXPECT_NE(wrong().find("no code twice"), std::string::npos);
}

TEST_F(LoadVerdict, SeesAGapInTheSequences) {
  report.winners[1].sequence = 3;
  EXPECT_NE(wrong().find("without gap"), std::string::npos);
}

TEST_F(LoadVerdict, SeesACouponBeforeTheOpening) {
  report.winners[0].issued_at = "2026-11-21T08:59:59.999Z";
  EXPECT_NE(wrong().find("nobody before the opening"), std::string::npos);
}

TEST_F(LoadVerdict, SeesAReceiptWithoutOutcomeAndOneThatChanged) {
  report.undecided = 1;
  EXPECT_NE(wrong().find("every receipt decided"), std::string::npos);
  report.undecided = 0;
  report.changed = 1;
  EXPECT_NE(wrong().find("changed its answer"), std::string::npos);
}

}  // namespace
}  // namespace openrun::load
