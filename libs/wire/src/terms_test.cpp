#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/terms.hpp>

namespace openrun::wire {
namespace {

TEST(Terms, AreReadBackAsTheyWere) {
  issuance::CampaignTerms terms;
  EXPECT_EQ(decode_terms(encode_terms(terms)).value(), terms);
  terms.name = "이름";
  terms.description = "d";
  terms.stock = 4'294'967'295U;
  terms.starts_at = Timestamp{limits::timestamp_ms_max};
  terms.ends_at = Timestamp{0};
  terms.policy.discount = issuance::Discount{issuance::Discount::Type::percent, 30, ""};
  terms.policy.valid_until = Timestamp{0};
  terms.policy.max_per_user = 1'000;
  terms.policy.code_format = issuance::CodeFormat::latin;
  EXPECT_EQ(decode_terms(encode_terms(terms)).value(), terms);
}

TEST(Terms, BytesThatAreNoTermsAreRefused) {
  const auto decoded = decode_terms("\xFF\xFF");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().kind, Error::Kind::invalid);
}

TEST(Terms, AFaultNamesTheFieldOfTheApi) {
  issuance::CampaignTerms terms;
  terms.policy.discount = issuance::Discount{issuance::Discount::Type::percent, 0, ""};
  const auto fault = check(terms);
  ASSERT_TRUE(fault);
  EXPECT_STREQ(fault->field, "policy.discount.value");
  EXPECT_FALSE(check(issuance::CampaignTerms{}));
}

TEST(Terms, AnUnknownEnumerationIsRefused) {
  issuance::Policy policy;
  policy.code_format = static_cast<issuance::CodeFormat>(2);
  EXPECT_TRUE(check(policy));
  policy = {};
  policy.discount = issuance::Discount{static_cast<issuance::Discount::Type>(2), 1, "KRW"};
  EXPECT_TRUE(check(policy));
}

}  // namespace
}  // namespace openrun::wire
