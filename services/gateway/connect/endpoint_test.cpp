// The Connect protocol without a dialect: a service that says what it was asked.
#include "gateway/connect/endpoint.hpp"

#include <deque>
#include <string>

#include <coupon/v1/coupon.pb.h>
#include <gtest/gtest.h>

#include "gateway/connect/protocol.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway::connect {
namespace {

using namespace gateway::testing;
using Request = coupon::v1::IssueCouponRequest;

class Echo {
 public:
  void say(UnaryCall& call, const Request& request) {
    timeout_ms = (call.deadline_us - call.received_us) / 1'000;
    coupon::v1::IssueCouponResponse response;
    response.set_message("user " + std::to_string(request.user_id()));
    call.reply->succeed(response);
  }
  void refuse(UnaryCall& call, const Request& request) {
    call.reply->fail({static_cast<Code>(request.user_id()), "REFUSED \"here\""});
  }
  std::int64_t timeout_ms = -1;
};

class ConnectEndpoint : public ::testing::Test {
 protected:
  Answer ask(const std::string& method, const std::string& body, const HeaderList& headers) {
    ports::HttpRequest request;
    request.method = ports::HttpMethod::post;
    request.body = body;
    for (const auto& [name, value] : headers) request.headers.emplace_back(name, value);
    Answer answer{std::make_shared<FakeReply>()};
    Call call{io_, request, method, answer.reply};
    endpoint_.handle(call);
    return answer;
  }
  Answer say(const HeaderList& headers) { return ask("Say", R"({"userId":7})", headers); }

  FakeClock clock_;
  FakeIoThread io_{0, clock_};
  Echo echo_;
  Endpoint endpoint_{{"test.Echo",
                      "/test.Echo/{}",
                      {unary<Request>("Say", echo_, &Echo::say), unary<Request>("Refuse", echo_, &Echo::refuse)}},
                     clock_};
};

const HeaderList proto{{"Content-Type", "application/proto"}};

TEST_F(ConnectEndpoint, AnswersInTheCodecOfTheQuestion) {
  const Answer in_json = say(json);
  EXPECT_EQ(in_json.status(), 200U);
  EXPECT_EQ(in_json.reply->response->content_type, "application/json");
  EXPECT_EQ(in_json.body(), R"({"message":"user 7"})");
  EXPECT_EQ(in_json.header("Cache-Control"), "no-store");
  Request request;
  request.set_user_id(8);
  const Answer in_binary = ask("Say", request.SerializeAsString(), proto);
  EXPECT_EQ(in_binary.status(), 200U);
  EXPECT_EQ(in_binary.reply->response->content_type, "application/proto");
  coupon::v1::IssueCouponResponse response;
  ASSERT_TRUE(response.ParseFromString(in_binary.body()));
  EXPECT_EQ(response.message(), "user 8");
  EXPECT_EQ(say({{"Content-Type", "Application/JSON; charset=\"UTF-8\""}}).status(), 200U);
}

TEST_F(ConnectEndpoint, OtherContentTypesAre415AndSaySo) {
  for (const char* type : {"", "text/plain", "application/json; charset=latin1", "application/connect+json",
                           "application/grpc", "application/protobuf", "application/proto; charset=utf-8"}) {
    const Answer answer = say({{"Content-Type", type}});
    EXPECT_EQ(answer.status(), 415U) << type;
    EXPECT_EQ(answer.header("Accept-Post"), "application/json, application/proto");
  }
}

TEST_F(ConnectEndpoint, AnUnknownMethodIs404Unimplemented) {
  const Answer answer = ask("Sing", "{}", json);
  EXPECT_EQ(answer.status(), 404U);
  EXPECT_EQ(answer.field("code"), "unimplemented");
}

TEST_F(ConnectEndpoint, FailuresAreJsonWithTheStatusOfTheirCodeInBothCodecs) {
  const struct {
    Code code;
    const char* name;
    unsigned status;
  } rows[] = {
      {Code::unknown, "unknown", 500},
      {Code::invalid_argument, "invalid_argument", 400},
      {Code::deadline_exceeded, "deadline_exceeded", 504},
      {Code::not_found, "not_found", 404},
      {Code::already_exists, "already_exists", 409},
      {Code::permission_denied, "permission_denied", 403},
      {Code::resource_exhausted, "resource_exhausted", 429},
      {Code::failed_precondition, "failed_precondition", 400},
      {Code::unimplemented, "unimplemented", 501},
      {Code::internal, "internal", 500},
      {Code::unavailable, "unavailable", 503},
      {Code::unauthenticated, "unauthenticated", 401},
  };
  for (const auto& row : rows) {
    Request request;
    request.set_user_id(static_cast<int>(row.code));
    const Answer binary = ask("Refuse", request.SerializeAsString(), proto);
    const Answer text = ask("Refuse", R"({"userId":)" + std::to_string(request.user_id()) + "}", json);
    for (const Answer& answer : {binary, text}) {
      EXPECT_EQ(answer.status(), row.status) << row.name;
      EXPECT_EQ(answer.reply->response->content_type, "application/json") << row.name;
      EXPECT_EQ(answer.body(), std::string(R"({"code":")") + row.name + R"(","message":"REFUSED \"here\""})");
    }
    EXPECT_EQ(binary.header("Retry-After"), row.code == Code::unavailable ? "1" : "") << row.name;
    EXPECT_EQ(!binary.header("WWW-Authenticate").empty(), row.code == Code::unauthenticated) << row.name;
  }
}

TEST_F(ConnectEndpoint, TheProtocolsVersionMayBeAbsentOrOne) {
  EXPECT_EQ(say(with(json, "Connect-Protocol-Version", "1")).status(), 200U);
  for (const char* version : {"2", "0", "01", "one"}) {
    const Answer answer = say(with(json, "Connect-Protocol-Version", version));
    EXPECT_EQ(answer.status(), 400U) << version;
    EXPECT_EQ(answer.field("code"), "invalid_argument") << version;
  }
}

TEST_F(ConnectEndpoint, TheTimeoutIsTenSecondsOrWhatWasAskedForWithinABound) {
  const struct {
    const char* text;
    std::int64_t milliseconds;
  } rows[] = {{"1", 1}, {"2500", 2'500}, {"0000000020", 20}, {"30000", 30'000}, {"9999999999", timeout_ms_max}};
  EXPECT_EQ(say(json).status(), 200U);
  EXPECT_EQ(echo_.timeout_ms, 10'000);
  for (const auto& row : rows) {
    EXPECT_EQ(say(with(json, "Connect-Timeout-Ms", row.text)).status(), 200U) << row.text;
    EXPECT_EQ(echo_.timeout_ms, row.milliseconds) << row.text;
  }
  for (const char* text : {"-1", "+1", "1.5", "1s", "0x10", " 1", "00000000001", "99999999999"}) {
    const Answer answer = say(with(json, "Connect-Timeout-Ms", text));
    EXPECT_EQ(answer.status(), 400U) << text;
    EXPECT_EQ(answer.field("code"), "invalid_argument") << text;
  }
}

TEST_F(ConnectEndpoint, ATimeoutOfNothingIsOverBeforeTheMethodRuns) {
  const Answer answer = say(with(json, "Connect-Timeout-Ms", "0"));
  EXPECT_EQ(answer.status(), 504U);
  EXPECT_EQ(answer.field("code"), "deadline_exceeded");
  EXPECT_EQ(echo_.timeout_ms, -1);
}

// {"userId":7}, by gzip.
const std::string packed(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x2d\x4e\x2d\xf2\x4c\x51\xb2\x32\xaf\x05\x00\xfd\x2b\xde\x13"
    "\x0c\x00\x00\x00",
    32);

TEST_F(ConnectEndpoint, BodiesMayBeCompressedByGzip) {
  for (const char* name : {"gzip", "GZip"}) {
    const Answer answer = ask("Say", packed, with(json, "Content-Encoding", name));
    EXPECT_EQ(answer.status(), 200U) << answer.body();
    EXPECT_EQ(answer.body(), R"({"message":"user 7"})");
  }
  EXPECT_EQ(say(with(json, "Content-Encoding", "identity")).status(), 200U);
  EXPECT_EQ(ask("Say", packed.substr(0, 20), with(json, "Content-Encoding", "gzip")).field("code"), "invalid_argument");
  EXPECT_EQ(say(with(json, "Content-Encoding", "gzip")).field("code"), "invalid_argument");
  for (const char* name : {"br", "zstd", "deflate", "gzip, gzip"}) {
    const Answer answer = say(with(json, "Content-Encoding", name));
    EXPECT_EQ(answer.status(), 501U) << name;
    EXPECT_EQ(answer.field("code"), "unimplemented") << name;
  }
}

// {, 17,000 spaces, }.
const std::string bomb(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00\x0c\x02\xa0\x2a\xef\xe9\xde\xdd\x20\x02\x39\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x26\x7c\x01\x24\xbb\xf5\x77\x6a\x42\x00\x00",
    54);

TEST_F(ConnectEndpoint, TheBoundOnABodyCountsAfterInflatingToo) {
  const Answer answer = ask("Say", bomb, with(json, "Content-Encoding", "gzip"));
  EXPECT_EQ(answer.status(), 429U);
  EXPECT_EQ(answer.field("code"), "resource_exhausted");
}

}  // namespace
}  // namespace openrun::gateway::connect
