// What a well-formed record may not say: one row a rule.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::wire {
namespace {

using issuance::CampaignCommand;

std::string reason(std::string_view value) {
  const auto decoded = decode(value);
  return decoded ? "accepted" : decoded.error().reason;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(LogRecordRules, UserIdsAreOneTo64CharactersWithoutControlCharacters) {
  const auto with_user = [](std::string_view user) { return reason(encode_request(1, CampaignId{1}, user, "")); };
  EXPECT_EQ(with_user("u"), "accepted");
  EXPECT_EQ(with_user(repeated("가", 64)), "accepted");
  EXPECT_EQ(with_user(repeated("\xF0\x9F\x8E\x81", 64)), "accepted");
  EXPECT_EQ(with_user(""), "INVALID_USER_ID");
  EXPECT_EQ(with_user(repeated("a", 65)), "INVALID_USER_ID");
  EXPECT_EQ(with_user(std::string_view("a\0b", 3)), "INVALID_USER_ID");
  EXPECT_EQ(with_user("a\nb"), "INVALID_USER_ID");
  EXPECT_EQ(with_user("\xC2\x85"), "INVALID_USER_ID") << "a C1 control character";
  EXPECT_EQ(with_user("\xED\xA0\x80"), "INVALID_USER_ID") << "a lone surrogate";
  EXPECT_EQ(with_user("\xC0\x80"), "INVALID_USER_ID") << "an overlong form";
}

TEST(LogRecordRules, CampaignsAre1To2147483647) {
  const auto with_campaign = [](std::uint32_t campaign) {
    return reason(encode_request(1, CampaignId{campaign}, "u", ""));
  };
  EXPECT_EQ(with_campaign(1), "accepted");
  EXPECT_EQ(with_campaign(limits::campaign_id_max), "accepted");
  EXPECT_EQ(with_campaign(0), "INVALID_CAMPAIGN");
  EXPECT_EQ(with_campaign(limits::campaign_id_max + 1), "INVALID_CAMPAIGN");
}

TEST(LogRecordRules, KeysArePrintableAscii) {
  const auto with_key = [](std::string_view key) { return reason(encode_request(1, CampaignId{1}, "u", key)); };
  EXPECT_EQ(with_key(""), "accepted");
  EXPECT_EQ(with_key(repeated("~", 128)), "accepted");
  EXPECT_EQ(with_key(repeated("~", 129)), "INVALID_IDEMPOTENCY_KEY");
  EXPECT_EQ(with_key("키"), "INVALID_IDEMPOTENCY_KEY");
}

TEST(LogRecordRules, ACommandNeedsAKey) {
  EXPECT_EQ(reason(encode_command(1, {CampaignId{1}, "", issuance::PauseCampaign{}})), "INVALID_IDEMPOTENCY_KEY");
}

TEST(LogRecordRules, StockIsAddedWithin32BitsEitherWay) {
  const auto with_add = [](std::int64_t add) {
    return reason(encode_command(1, {CampaignId{1}, "k", issuance::AddStock{add}}));
  };
  EXPECT_EQ(with_add(limits::stock_max), "accepted");
  EXPECT_EQ(with_add(-limits::stock_max), "accepted");
  EXPECT_EQ(with_add(limits::stock_max + 1), "INVALID_CAMPAIGN");
  EXPECT_EQ(with_add(std::numeric_limits<std::int64_t>::min()), "INVALID_CAMPAIGN");
}

struct TermsRule {
  const char* what;
  bool accepted;
  std::function<void(issuance::CampaignTerms&)> write;
};

issuance::Discount discount(issuance::Discount::Type type, std::int64_t value, const char* currency) {
  return {type, value, currency};
}

const TermsRule terms_rules[] = {
    {"plain", true, [](auto&) {}},
    {"the longest name", true, [](auto& t) { t.name = repeated("\U0001F381", 100); }},
    {"a longer name", false, [](auto& t) { t.name = std::string(101, 'n'); }},
    {"a line feed in the name", false, [](auto& t) { t.name = "a\nb"; }},
    {"a lone surrogate in the name", false, [](auto& t) { t.name = "\xED\xB0\x80"; }},
    {"the longest description", true, [](auto& t) { t.description = repeated("\U0001F381", 1000); }},
    {"a longer description", false, [](auto& t) { t.description = std::string(1001, 'd'); }},
    {"lines in the description", true, [](auto& t) { t.description = "\na\tb\n"; }},
    {"a carriage return in the description", false, [](auto& t) { t.description = "a\r\nb"; }},
    {"NUL in the description", false, [](auto& t) { t.description = std::string("a\0", 2); }},
    {"a broken description", false, [](auto& t) { t.description = "a\n\xFF"; }},
    {"the largest stock", true, [](auto& t) { t.stock = 4'294'967'295U; }},
    {"the first time", true, [](auto& t) { t.starts_at = Timestamp{0}; }},
    {"a time before 1970", false, [](auto& t) { t.starts_at = Timestamp{-1}; }},
    {"the last time", true, [](auto& t) { t.ends_at = Timestamp{limits::timestamp_ms_max}; }},
    {"a later time", false, [](auto& t) { t.ends_at = Timestamp{limits::timestamp_ms_max + 1}; }},
    {"1 percent", true, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::percent, 1, ""); }},
    {"100 percent", true, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::percent, 100, ""); }},
    {"0 percent", false, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::percent, 0, ""); }},
    {"101 percent", false, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::percent, 101, ""); }},
    {"percent of won", false,
     [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::percent, 5, "KRW"); }},
    {"5000 won", true, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::amount, 5000, "KRW"); }},
    {"0 won", false, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::amount, 0, "KRW"); }},
    {"no currency", false, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::amount, 1, ""); }},
    {"krw", false, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::amount, 1, "krw"); }},
    {"KRWW", false, [](auto& t) { t.policy.discount = discount(issuance::Discount::Type::amount, 1, "KRWW"); }},
    {"valid until", true, [](auto& t) { t.policy.valid_until = Timestamp{1}; }},
    {"valid until before 1970", false, [](auto& t) { t.policy.valid_until = Timestamp{-1}; }},
    {"valid for a second", true, [](auto& t) { t.policy.valid_for_seconds = 1; }},
    {"valid for ten years", true, [](auto& t) { t.policy.valid_for_seconds = 315'360'000; }},
    {"valid for no time", false, [](auto& t) { t.policy.valid_for_seconds = 0; }},
    {"valid for longer than ten years", false, [](auto& t) { t.policy.valid_for_seconds = 315'360'001; }},
    {"both forms of validity", false,
     [](auto& t) {
       t.policy.valid_until = Timestamp{1};
       t.policy.valid_for_seconds = 1;
     }},
    {"1000 a user", true, [](auto& t) { t.policy.max_per_user = 1'000; }},
    {"1001 a user", false, [](auto& t) { t.policy.max_per_user = 1'001; }},
};

TEST(LogRecordRules, TermsOfANewCampaign) {
  for (const auto& rule : terms_rules) {
    issuance::CampaignTerms terms;
    terms.name = "n";
    terms.stock = 1;
    rule.write(terms);
    const std::string value = encode_command(1, {CampaignId{1}, "k", issuance::CreateCampaign{terms}});
    EXPECT_EQ(reason(value), rule.accepted ? "accepted" : "INVALID_CAMPAIGN") << rule.what;
    EXPECT_EQ(decode_terms(encode_terms(terms)).has_value(), rule.accepted) << rule.what;
  }
}

TEST(LogRecordRules, TheSameRulesHoldForAChange) {
  for (const auto& rule : terms_rules) {
    issuance::CampaignTerms terms;
    rule.write(terms);
    issuance::ChangeCampaign change{terms.name, terms.description, terms.starts_at, std::optional(terms.ends_at),
                                    terms.policy};
    const std::string value = encode_command(1, {CampaignId{1}, "k", change});
    EXPECT_EQ(reason(value), rule.accepted ? "accepted" : "INVALID_CAMPAIGN") << rule.what;
  }
}

TEST(LogRecordRules, NoLimitPerUserMeansOne) {
  issuance::CampaignTerms terms;
  terms.policy.max_per_user = 0;
  const auto decoded = decode_terms(encode_terms(terms));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->policy.max_per_user, 1U);
}

TEST(LogRecordRules, ARecordOf16KiBIsTheLargest) {
  const std::string original(limits::record_bytes_max - 16, 'x');
  std::string value = encode_replay(1, Offset{1}, Timestamp{1}, original, 1);
  while (value.size() < limits::record_bytes_max) {
    value = encode_replay(1, Offset{1}, Timestamp{1},
                          original + std::string(limits::record_bytes_max - value.size(), 'x'), 1);
  }
  value = encode_replay(1, Offset{1}, Timestamp{1},
                        original.substr(0, original.size() - (value.size() - limits::record_bytes_max)), 1);
  ASSERT_LE(value.size(), limits::record_bytes_max);
  EXPECT_EQ(reason(value), "accepted");
  const std::string too_large =
      encode_replay(9, Offset{1}, Timestamp{1}, std::string(limits::record_bytes_max, 'x'), 1);
  EXPECT_EQ(reason(too_large), "TOO_LARGE");
  EXPECT_EQ(decode(too_large).error().nonce, 9U);
  EXPECT_EQ(reason(std::string(limits::record_bytes_max + 1, '\xFF')), "TOO_LARGE");
}

TEST(LogRecordRules, AReplayNamesAPlaceAndATime) {
  const std::string original = encode_request(1, CampaignId{1}, "u", "");
  EXPECT_EQ(reason(encode_replay(1, Offset{-1}, Timestamp{1}, original, 1)), "UNDECODABLE");
  EXPECT_EQ(reason(encode_replay(1, Offset{1}, Timestamp{-1}, original, 1)), "UNDECODABLE");
  EXPECT_EQ(reason(encode_replay(1, Offset{1}, Timestamp{limits::timestamp_ms_max + 1}, original, 1)), "UNDECODABLE");
}

}  // namespace
}  // namespace openrun::wire
