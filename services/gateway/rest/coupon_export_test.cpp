// GET /v1/campaigns/{id}/coupons as CSV.
#include "gateway/rest/coupon_export.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/rest/csv.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

class Exports : public ::testing::Test {
 protected:
  void SetUp() override {
    campaign = harness.create_campaign(100'000);
    path = "/v1/campaigns/" + std::to_string(campaign) + "/coupons";
  }
  void issue(std::uint32_t count) {
    std::lock_guard lock(harness.database.mutex);
    for (std::uint32_t sequence = 1; sequence <= count; ++sequence) {
      ports::Coupon coupon;
      coupon.campaign = CampaignId{campaign};
      coupon.sequence = Sequence{sequence};
      coupon.user = "user-" + std::to_string(sequence);
      coupon.code = "code-" + std::to_string(sequence);
      coupon.issued_at = harness.clock.now();
      harness.database.coupons[{coupon.campaign, coupon.sequence}] = coupon;
    }
  }
  [[nodiscard]] int pages_read() {
    std::lock_guard lock(harness.database.mutex);
    return harness.database.calls["coupons_of_campaign"];
  }
  static std::int64_t lines(const Answer& answer) {
    const std::string text = answer.streamed();
    return std::ranges::count(text, '\n');
  }
  // The whole of it, read by a client that keeps up.
  Answer whole(const std::string& target) {
    const Answer answer = harness.ask(get, target, "", csv);
    EXPECT_TRUE(harness.until([&] { return answer.ended(); }));
    return answer;
  }
  // The first page to a client that reads nothing of it.
  Answer begin_slowly() {
    harness.unsent_of_streams = CouponExport::unsent_bytes_max;
    return harness.ask(get, path, "", csv);
  }
  void lose_database(bool down) {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = down;
  }
  const HeaderList csv = with(admin, "Accept", "text/csv");
  Harness harness;
  std::uint32_t campaign = 0;
  std::string path;
};

TEST_F(Exports, AllCouponsComeInOrderWithAHeaderAndAsAFile) {
  const std::string code = harness.serve_request(campaign, "ann").field("coupon.code");
  (void)harness.serve_request(campaign, "bob, jun.");
  const Answer answer = whole(path);
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.reply->response->content_type, "text/csv; charset=utf-8; header=present");
  EXPECT_EQ(answer.header("Content-Disposition"),
            "attachment; filename=\"campaign-" + std::to_string(campaign) + "-coupons.csv\"");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_TRUE(answer.streamed().starts_with(std::string(csv_coupon_header) + code + "," + std::to_string(campaign) +
                                            ",1,ann,UNUSED,"))
      << answer.streamed();
  EXPECT_NE(answer.streamed().find(",2,\"bob, jun.\",UNUSED,"), std::string::npos);
  EXPECT_EQ(lines(answer), 3);
}

TEST_F(Exports, ACampaignWithoutCouponsIsItsHeaderAlone) {
  EXPECT_EQ(whole(path).streamed(), csv_coupon_header);
}

TEST_F(Exports, ManyPagesAreOneStream) {
  issue(2 * CouponExport::page_rows + 1);
  const Answer answer = whole(path);
  EXPECT_EQ(lines(answer), 2 * static_cast<std::int64_t>(CouponExport::page_rows) + 2);
  EXPECT_TRUE(answer.streamed().find("code-10001,") > answer.streamed().find("code-10000,"));
  EXPECT_EQ(pages_read(), 3);
}

TEST_F(Exports, AFullLastPageEndsItToo) {
  issue(CouponExport::page_rows);
  EXPECT_EQ(lines(whole(path)), static_cast<std::int64_t>(CouponExport::page_rows) + 1);
}

TEST_F(Exports, ABrokenExportGoesOnAfterASequence) {
  issue(CouponExport::page_rows + 10);
  EXPECT_EQ(lines(whole(path + "?after=5000")), 11);
  EXPECT_EQ(lines(whole(path + "?limit=7&after=2")), 8);
  EXPECT_EQ(harness.ask(get, path + "?limit=0", "", csv).status(), 400U);
  EXPECT_EQ(harness.ask(get, path + "?after=x", "", csv).field("errors.0.field"), "after");
}

TEST_F(Exports, TheNextPageIsReadWhenTheClientHasTakenTheLast) {
  issue(2 * CouponExport::page_rows + 1);
  const Answer answer = begin_slowly();
  FakeStream& client = *answer.reply->written;
  for (int page = 1; page <= 2; ++page) {
    ASSERT_TRUE(
        harness.until([&] { return lines(answer) == page * static_cast<std::int64_t>(CouponExport::page_rows) + 1; }));
    harness.advance_ms(60'000);
    EXPECT_EQ(pages_read(), page);
    client.set_unsent(CouponExport::unsent_bytes_max - 1);
    client.set_unsent(CouponExport::unsent_bytes_max);
  }
  ASSERT_TRUE(harness.until([&] { return answer.ended(); }));
  EXPECT_EQ(lines(answer), 2 * static_cast<std::int64_t>(CouponExport::page_rows) + 2);
}

TEST_F(Exports, AboveTheBoundItIs503UntilAClientGoes) {
  issue(CouponExport::page_rows + 1);
  std::vector<Answer> running;
  for (std::int64_t i = 0; i < exports_max; ++i) running.push_back(begin_slowly());
  const Answer refused = harness.ask(get, path, "", csv);
  EXPECT_EQ(refused.status(), 503U);
  EXPECT_EQ(refused.header("Retry-After"), "10");
  running.front().reply->written->abandon();
  ASSERT_TRUE(harness.until([&] { return running.front().broken(); })) << "nobody holds it any more";
  EXPECT_EQ(harness.ask(get, path, "", csv).status(), 200U);
}

TEST_F(Exports, AStoreThatIsDownAtTheBeginningIs503AndLaterBreaksTheStreamOff) {
  issue(CouponExport::page_rows + 1);
  lose_database(true);
  EXPECT_EQ(harness.ask(get, path, "", csv).status(), 503U);
  lose_database(false);
  const Answer answer = begin_slowly();
  lose_database(true);
  answer.reply->written->set_unsent(0);
  ASSERT_TRUE(harness.until([&] { return answer.broken(); }));
  EXPECT_FALSE(answer.ended());
}

TEST_F(Exports, ItIsForAdminsAndForCampaignsThatAreThere) {
  EXPECT_EQ(harness.ask(get, path, "", {{"Accept", "text/csv"}}).status(), 401U);
  EXPECT_EQ(harness.ask(get, "/v1/campaigns/99/coupons", "", csv).status(), 404U);
  EXPECT_EQ(harness.ask(get, path, "", with(admin, "Accept", "application/json")).field("coupons"), "array of 0");
}

}  // namespace
}  // namespace openrun::gateway
