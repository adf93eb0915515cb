#include "gateway/rest/csv.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

std::string field(std::string_view text) {
  std::string out;
  append_csv_field(out, text);
  return out;
}

TEST(Csv, AFieldIsQuotedWhereItHasToBe) {
  EXPECT_EQ(field("ann"), "ann");
  EXPECT_EQ(field(""), "");
  EXPECT_EQ(field(" a b; "), " a b; ");
  EXPECT_EQ(field("a,b"), "\"a,b\"");
  EXPECT_EQ(field("\"a\""), "\"\"\"a\"\"\"");
  EXPECT_EQ(field("a\r\nb"), "\"a\r\nb\"");
  EXPECT_EQ(field("\xEA\xB0\x80"), "\xEA\xB0\x80");
}

TEST(Csv, WhatASpreadsheetTakesForAFormulaIsNotChanged) {
  for (const char* text : {"=1+1", "+82", "-1", "@ann", "\tx"}) EXPECT_EQ(field(text), text);
}

TEST(Csv, ACouponIsALineOfTheHeadersFields) {
  ports::Coupon coupon{.campaign = CampaignId{7},
                       .sequence = Sequence{3},
                       .user = "ann,\"bob\"",
                       .idempotency_key = "key",
                       .code = "0123456789",
                       .issued_at = Timestamp{1'800'000'000'000},
                       .valid_until = std::nullopt,
                       .used_at = std::nullopt};
  std::string out;
  append_csv_coupon(out, coupon, Timestamp{1'800'000'060'000});
  EXPECT_EQ(out, "0123456789,7,3,\"ann,\"\"bob\"\"\",UNUSED,2027-01-15T08:00:00.000Z,,\r\n");
  coupon.valid_until = Timestamp{1'800'000'060'000};
  out.clear();
  append_csv_coupon(out, coupon, Timestamp{1'800'000'060'000});
  EXPECT_EQ(out, "0123456789,7,3,\"ann,\"\"bob\"\"\",EXPIRED,2027-01-15T08:00:00.000Z,2027-01-15T08:01:00.000Z,\r\n");
  coupon.used_at = Timestamp{1'800'000'000'001};
  out.clear();
  append_csv_coupon(out, coupon, Timestamp{1'800'000'060'000});
  EXPECT_EQ(out,
            "0123456789,7,3,\"ann,\"\"bob\"\"\",USED,2027-01-15T08:00:00.000Z,2027-01-15T08:01:00.000Z,"
            "2027-01-15T08:00:00.001Z\r\n");
}

}  // namespace
}  // namespace openrun::gateway
