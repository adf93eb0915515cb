#include "translate.hpp"

#include <gtest/gtest.h>

namespace openrun::rpc {
namespace {

TEST(GrpcTranslate, AMethodIsAServiceWithItsPackageAndAName) {
  EXPECT_TRUE(is_method_path("/coupon.v1.CouponService/IssueCoupon"));
  for (const char* path : {"", "/", "/v1/campaigns", "/coupon.v1.CouponService", "/coupon.v1.CouponService/",
                           "/coupon.v1.CouponService/A/B", "/gate.events/7/enqueue", "coupon.v1.CouponService/A",
                           "/a.B/C?d=e", "/../etc"}) {
    EXPECT_FALSE(is_method_path(path)) << path;
  }
}

TEST(GrpcTranslate, WhatTheProtocolSaysItselfIsNotTakenFromTheCaller) {
  EXPECT_TRUE(is_passed_on("authorization"));
  EXPECT_TRUE(is_passed_on("idempotency-key"));
  for (const char* name : {"", ":path", "grpc-timeout", "trace-bin", "content-type", "content-encoding",
                           "connect-timeout-ms", "host", "transfer-encoding"}) {
    EXPECT_FALSE(is_passed_on(name)) << name;
  }
}

TEST(GrpcTranslate, AddressesStandWithoutTheirPorts) {
  EXPECT_EQ(address_of_peer("ipv4:127.0.0.1:5555"), "127.0.0.1");
  EXPECT_EQ(address_of_peer("ipv6:%5B::1%5D:5555"), "::1");
  EXPECT_EQ(address_of_peer("ipv6:[2001:db8::7]:5555"), "2001:db8::7");
  EXPECT_EQ(address_of_peer("unix:/tmp/socket"), "");
}

ports::HttpResponse response(unsigned status, std::string_view content_type, std::string body) {
  ports::HttpResponse made;
  made.status = status;
  made.content_type = content_type;
  made.body = std::move(body);
  return made;
}

TEST(GrpcTranslate, ErrorsOfConnectAreStatusesByTheirNames) {
  EXPECT_EQ(status_of(response(200, "application/proto", "x")).code, 0);
  const Status status =
      status_of(response(409, "application/json", R"({"code":"already_exists","message":"COUPON_ALREADY_CLAIMED"})"));
  EXPECT_EQ(status.code, 6);
  EXPECT_EQ(status.message, "COUPON_ALREADY_CLAIMED");
}

TEST(GrpcTranslate, ProblemsOfTheServerAreStatusesByTheirHttpStatus) {
  struct Row {
    unsigned http;
    int grpc;
  };
  for (const auto& [http, grpc] : {Row{400, 3}, Row{401, 16}, Row{403, 7}, Row{404, 12}, Row{405, 12}, Row{413, 8},
                                   Row{415, 12}, Row{429, 8}, Row{500, 13}, Row{503, 14}, Row{418, 2}}) {
    const Status status =
        status_of(response(http, "application/problem+json", R"({"code":"OVERLOADED","detail":"Later."})"));
    EXPECT_EQ(status.code, grpc) << http;
    EXPECT_EQ(status.message, "Later.");
  }
  EXPECT_EQ(status_of(response(200, "text/html", "<p>")).code, 2) << "no message of ours";
}

TEST(GrpcTranslate, RetryAfterIsKept) {
  ports::HttpResponse overloaded = response(503, "application/json", R"({"code":"unavailable","message":"later"})");
  overloaded.headers.emplace_back("Retry-After", "3");
  EXPECT_EQ(status_of(overloaded).retry_after, "3");
}

}  // namespace
}  // namespace openrun::rpc
