// POST /v1/coupons/{code}/redeem.
#include <string>

#include <gtest/gtest.h>

#include "gateway/rest/http_text.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

void append_utf8(std::string& out, unsigned code_point) {
  out.push_back(static_cast<char>(0xE0U | (code_point >> 12U)));
  out.push_back(static_cast<char>(0x80U | ((code_point >> 6U) & 0x3FU)));
  out.push_back(static_cast<char>(0x80U | (code_point & 0x3FU)));
}

// Hangul syllables as their jamo (Unicode 15, section 3.12): what some keyboards and file systems make of them.
std::string decomposed(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      out.push_back(text[i++]);
      continue;
    }
    const unsigned code_point = ((lead & 0xFU) << 12U) | ((static_cast<unsigned char>(text[i + 1]) & 0x3FU) << 6U) |
                                (static_cast<unsigned char>(text[i + 2]) & 0x3FU);
    i += 3;
    const unsigned syllable = code_point - 0xAC00;
    append_utf8(out, 0x1100 + syllable / 588);
    append_utf8(out, 0x1161 + syllable % 588 / 28);
    if (syllable % 28 != 0) append_utf8(out, 0x11A7 + syllable % 28);
  }
  return out;
}

class Redeem : public ::testing::Test {
 protected:
  std::string issue(const std::string& user, const std::string& policy = "{}") {
    return harness.serve_request(harness.create_campaign(5, policy), user).field("coupon.code");
  }
  Answer redeem(const std::string& code, const std::string& body, const HeaderList& headers = json) {
    return harness.ask(post, "/v1/coupons/" + percent_encode(code) + "/redeem", body, headers);
  }
  static HeaderList keyed(const std::string& key, const HeaderList& headers = json) {
    return with(headers, "Idempotency-Key", key);
  }
  const std::string ann = R"({"user_id":"ann"})";
  const std::string bob = R"({"user_id":"bob"})";
  Harness harness;
};

TEST_F(Redeem, ItsOwnerUsesItOnce) {
  const std::string code = issue("ann");
  const std::string used_at = wire::format_time(harness.clock.now().value);
  const Answer first = redeem(code, ann);
  EXPECT_EQ(first.status(), 200U);
  EXPECT_EQ(first.field("code"), code);
  EXPECT_EQ(first.field("status"), "USED");
  EXPECT_EQ(first.field("used_at"), used_at);
  EXPECT_EQ(first.header("Cache-Control"), "no-store");
  harness.clock.advance_ms(5'000);
  const Answer second = redeem(code, ann);
  EXPECT_EQ(second.status(), 409U);
  EXPECT_EQ(second.field("code"), "ALREADY_USED");
  EXPECT_EQ(second.field("used_at"), used_at);
  EXPECT_EQ(harness.ask(get, "/v1/coupons/" + percent_encode(code), "", {{"X-User-Id", "ann"}}).field("status"),
            "USED");
}

TEST_F(Redeem, TheSameCallAgainGetsTheSameAnswer) {
  const std::string code = issue("ann", R"({"valid_for_seconds":60})");
  const Answer first = redeem(code, ann, keyed("till-3/41"));
  EXPECT_EQ(first.status(), 200U);
  harness.clock.advance_ms(120'000);
  const Answer again = redeem(code, ann, keyed("till-3/41"));
  EXPECT_EQ(again.status(), 200U) << "it was valid when it was used";
  EXPECT_EQ(again.body(), first.body());
  EXPECT_EQ(redeem(code, ann, keyed("till-3/42")).field("code"), "ALREADY_USED");
  EXPECT_EQ(redeem(code, ann).field("code"), "ALREADY_USED");
  EXPECT_EQ(redeem(code, ann, keyed("a\tb")).status(), 400U);
}

TEST_F(Redeem, WithoutAKeyNoCallIsTheSame) {
  const std::string code = issue("ann");
  EXPECT_EQ(redeem(code, ann).status(), 200U);
  EXPECT_EQ(redeem(code, ann).status(), 409U);
  EXPECT_EQ(redeem(code, ann, keyed("key")).status(), 409U);
}

TEST_F(Redeem, FromItsLastMomentOnItIs410) {
  const std::string code = issue("ann", R"({"valid_for_seconds":60})");
  harness.clock.advance_ms(60'000);
  const Answer late = redeem(code, ann, keyed("key"));
  EXPECT_EQ(late.status(), 410U);
  EXPECT_EQ(late.field("code"), "EXPIRED");
  EXPECT_FALSE(late.field("valid_until").empty());
  EXPECT_EQ(redeem(code, bob).status(), 403U) << "whoever does not own it learns nothing of it";
}

TEST_F(Redeem, OthersMayNot) {
  const std::string code = issue("ann");
  EXPECT_EQ(redeem(code, bob).status(), 403U);
  EXPECT_EQ(redeem(code, "", {}).status(), 400U);
  EXPECT_EQ(redeem(code, "", {{"X-User-Id", "bob"}}).status(), 403U);
  EXPECT_EQ(redeem(code, "", {{"X-User-Id", "ann"}}).status(), 200U);
  EXPECT_EQ(redeem(code, bob, keyed("key")).status(), 403U) << "also when it has been used";
}

TEST_F(Redeem, AnAdminRedeemsForWhomItNamesOrForWhoeverOwnsIt) {
  EXPECT_EQ(redeem(issue("ann"), "", admin).status(), 200U);
  EXPECT_EQ(redeem(issue("ann"), "{}", admin).field("user_id"), "ann");
  const std::string code = issue("ann");
  EXPECT_EQ(redeem(code, bob, admin).status(), 403U);
  EXPECT_EQ(redeem(code, ann, admin).status(), 200U);
}

TEST_F(Redeem, CodesAreTakenInEveryFormThatPeopleTypeThemIn) {
  EXPECT_EQ(redeem(decomposed(issue("ann")), ann).status(), 200U);
  const std::string latin = issue("ann", R"({"code_format":"latin"})");
  std::string typed;
  for (const char c : latin.substr(0, 4) + "-" + latin.substr(4, 4) + "-" + latin.substr(8)) {
    typed.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  }
  EXPECT_EQ(redeem(typed, ann).field("code"), latin);
  EXPECT_EQ(redeem(latin, ann).field("code"), "ALREADY_USED") << "it is the same coupon";
}

TEST_F(Redeem, WhatIsNoCouponIs404) {
  for (const char* code : {"HELLO", "%", "0000000000"}) {
    EXPECT_EQ(redeem(code, ann).field("code"), "NOT_FOUND") << code;
  }
  EXPECT_EQ(harness.ask(post, "/v1/coupons/%zz/redeem", ann, json).status(), 404U);
  const std::string never = test_codes().encode({CampaignId{1}, Sequence{9}}, crypto::CodeAlphabet::hangul);
  EXPECT_EQ(redeem(never, ann).status(), 404U);
}

TEST_F(Redeem, ABodyWithFaultsIsRefusedAndNothingIsUsed) {
  const std::string code = issue("ann");
  EXPECT_EQ(redeem(code, ann, {}).status(), 415U);
  EXPECT_EQ(redeem(code, "[]").status(), 400U);
  EXPECT_EQ(redeem(code, "{}").status(), 400U) << "nobody is named";
  EXPECT_EQ(redeem(code, R"({"user_id":7})").field("errors.0.message"), "must be a string");
  EXPECT_EQ(redeem(code, R"({"user_id":""})").field("errors.0.field"), "user_id");
  EXPECT_EQ(redeem(code, R"({"user_id":""})", admin).status(), 400U) << "nobody is named by no name";
  EXPECT_EQ(redeem(code, R"({"user_id":"ann","force":true})").field("errors.0.field"), "force");
  EXPECT_EQ(redeem(code, ann).status(), 200U);
}

TEST_F(Redeem, EachCallIsCountedByHowItEnded) {
  const auto count = [&](const std::string& outcome) {
    return harness.metrics.value("openrun_redemptions_total{outcome=\"" + outcome + "\"}");
  };
  const std::string code = issue("ann", R"({"valid_for_seconds":60})");
  const std::string late = issue("ann", R"({"valid_for_seconds":60})");
  (void)redeem("HELLO", ann);
  (void)redeem(code, bob);
  (void)redeem(code, ann, keyed("key"));
  (void)redeem(code, ann, keyed("key"));
  (void)redeem(code, ann);
  harness.clock.advance_ms(60'000);
  (void)redeem(late, ann);
  {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = true;
  }
  (void)redeem(late, ann);
  for (const char* outcome :
       {"NOT_FOUND", "FORBIDDEN", "REDEEMED", "REPEATED", "ALREADY_USED", "EXPIRED", "unavailable"}) {
    EXPECT_EQ(count(outcome), 1) << outcome;
  }
  EXPECT_EQ(count("overloaded"), 0);
}

TEST_F(Redeem, WithTheStoreDownItIs503AndTheSameKeyAsksAgain) {
  const std::string code = issue("ann");
  const auto down = [&](bool is_down) {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = is_down;
  };
  down(true);
  const Answer answer = redeem(code, ann, keyed("key"));
  EXPECT_EQ(answer.status(), 503U);
  EXPECT_FALSE(answer.header("Retry-After").empty());
  down(false);
  EXPECT_EQ(redeem(code, ann, keyed("key")).status(), 200U);
}

}  // namespace
}  // namespace openrun::gateway
