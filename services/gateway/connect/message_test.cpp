#include "gateway/connect/message.hpp"

#include <string>

#include <coupon/v1/coupon.pb.h>
#include <gtest/gtest.h>

namespace openrun::gateway::connect {
namespace {

using Wide = coupon::v1::GetCampaignResponse;  // has integers of 32 and of 64 bits, text, and a list

TEST(ConnectMessage, JsonIsReadInBothSpellingsAndWithNumbersAsText) {
  for (
      const char* body : {
          R"({"couponLimit":"9007199254740993","id":7,"issuedCoupons":["a","b"]})",
          R"({"coupon_limit":9007199254740993,"id":"7","issued_coupons":["a","b"]})",
          R"( { "couponLimit" : 9007199254740993 , "id" : 7.0 , "issuedCoupons" : [ "a" , "\u0062" ] , "name" : null } )",
      }) {
    Wide message;
    const auto read = read_message(Codec::json, body, message);
    ASSERT_TRUE(read) << body << ": " << read.error().message;
    EXPECT_EQ(message.coupon_limit(), 9007199254740993) << body;
    EXPECT_EQ(message.id(), 7) << body;
    ASSERT_EQ(message.issued_coupons_size(), 2) << body;
    EXPECT_EQ(message.issued_coupons(1), "b") << body;
  }
}

TEST(ConnectMessage, JsonIsWrittenInCamelCaseWithLongIntegersAsTextAndWithoutDefaults) {
  Wide message;
  message.set_id(7);
  message.set_coupon_limit(9007199254740993);
  message.add_issued_coupons("\xEA\xB0\x80 \"\\");
  EXPECT_EQ(write_message(Codec::json, message).value(),
            "{\"id\":7,\"couponLimit\":\"9007199254740993\",\"issuedCoupons\":[\"\xEA\xB0\x80 \\\"\\\\\"]}");
  EXPECT_EQ(write_message(Codec::json, Wide()).value(), "{}");
}

TEST(ConnectMessage, UnknownFieldsAreIgnoredInBothCodecs) {
  coupon::v1::IssueCouponRequest message;
  ASSERT_TRUE(read_message(Codec::json, R"({"campaignId":3,"more":{"a":[1]},"userId":4})", message));
  EXPECT_EQ(message.user_id(), 4);
  Wide wide;
  wide.set_id(3);
  wide.set_name("a field that a request has not");
  wide.set_created_at("nor this");
  message.Clear();
  ASSERT_TRUE(read_message(Codec::proto, wide.SerializeAsString(), message));
  EXPECT_EQ(message.campaign_id(), 3);
}

TEST(ConnectMessage, WhatIsNoMessageIsAnInvalidArgument) {
  for (const char* body : {
           "",
           " ",
           "{",
           "[]",
           "7",
           "null",
           R"("text")",
           R"({"id":1}{})",
           R"({id:1})",
           R"({'id':1})",
           R"({"id":1,})",
           R"({"id":1,"id":2})",
           R"({"id":"x"})",
           R"({"id":1.5})",
           R"({"id":2147483648})",
           R"({"id":true})",
           R"({"id":[1]})",
           R"({"id":{}})",
           R"({"couponLimit":"9223372036854775808"})",
           R"({"couponLimit":1e30})",
           R"({"name":7})",
           R"({"name":["a"]})",
           R"({"name":"\ud800"})",
           "{\"name\":\"\xFF\"}",
       }) {
    Wide message;
    const auto read = read_message(Codec::json, body, message);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code, Code::invalid_argument) << body;
    EXPECT_FALSE(read.error().message.empty()) << body;
  }
  for (const std::string& body : {std::string("\x0a\x05"), std::string("\x08"), std::string("\xFF\xFF"),
                                  std::string("\x12\x02\xFF\xFE"), std::string("{}")}) {
    Wide message;
    EXPECT_FALSE(read_message(Codec::proto, body, message)) << "of " << body.size() << " bytes";
  }
}

TEST(ConnectMessage, NestingHasABound) {
  std::string deep = "1";
  for (int i = 0; i < 5'000; ++i) deep = "[" + deep + "]";
  Wide message;
  EXPECT_FALSE(read_message(Codec::json, R"({"more":)" + deep + "}", message));
}

TEST(ConnectMessage, NoBytesAreAnEmptyBinaryMessage) {
  Wide message;
  EXPECT_TRUE(read_message(Codec::proto, "", message));
  EXPECT_EQ(write_message(Codec::proto, message).value(), "");
}

}  // namespace
}  // namespace openrun::gateway::connect
