#include "gateway/rest/routes.hpp"

#include <gtest/gtest.h>

#include "gateway/rest/problem.hpp"
#include "gateway/testing/fakes.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

class Routes : public ::testing::Test {
 protected:
  Answer call(ports::HttpMethod method, std::string_view path) {
    ports::HttpRequest request;
    request.method = method;
    request.path = path;
    Answer answer{std::make_shared<FakeReply>()};
    router.handle(io, request, answer.reply);
    return answer;
  }
  static CallHandler echo(const char* name) {
    return [name](Call& call) {
      call.reply->send(json_response(200, std::string(name) + ":" + std::string(call.argument)));
    };
  }

  FakeClock clock;
  RecordingMetrics metrics;
  FakeIoThread io{0, clock};
  Router router{{{get, "/v1/things", echo("list")},
                 {get, "/v1/things/{}", echo("one")},
                 {patch, "/v1/things/{}", echo("change")},
                 {post, "/v1/things/{}/parts", echo("parts")}},
                metrics,
                clock};
};

TEST_F(Routes, APathFindsItsHandlerWithItsArgument) {
  EXPECT_EQ(call(get, "/v1/things").body(), "list:");
  EXPECT_EQ(call(get, "/v1/things/7").body(), "one:7");
  EXPECT_EQ(call(head, "/v1/things/7").body(), "one:7");
  EXPECT_EQ(call(post, "/v1/things/7/parts").body(), "parts:7");
}

TEST_F(Routes, WhatIsNotThereIs404) {
  for (const char* path :
       {"/", "/v1/things/", "/v1/thing", "/v1/things/7/8", "/v1/things//parts", "/v1/things/7/parts/"}) {
    const Answer answer = call(post, path);
    EXPECT_EQ(answer.status(), 404U) << path;
    EXPECT_EQ(answer.field("code"), "NOT_FOUND") << path;
    EXPECT_EQ(answer.reply->response->content_type, problem_type);
  }
}

TEST_F(Routes, AMethodThatThePathHasNotIs405WithAllow) {
  const Answer answer = call(put, "/v1/things/7");
  EXPECT_EQ(answer.status(), 405U);
  EXPECT_EQ(answer.header("Allow"), "GET, HEAD, PATCH, OPTIONS");
  EXPECT_EQ(call(get, "/v1/things/7/parts").header("Allow"), "POST, OPTIONS");
}

TEST_F(Routes, SubmitsAreKnownByTheirFirstLine) {
  const Router doors({{post, "/v1/things/{}/wishes", echo("wish"), Door::submit},
                      {get, "/v1/things/{}/wishes", echo("wishes")},
                      {post, "/v1/things", echo("make")},
                      {post, "/rpc.Things/{}", echo("rpc"), Door::open, "Wish"}},
                     metrics, clock);
  EXPECT_TRUE(doors.is_submit("POST", "/v1/things/7/wishes"));
  EXPECT_TRUE(doors.is_submit("POST", "/rpc.Things/Wish"));
  EXPECT_FALSE(doors.is_submit("POST", "/rpc.Things/Get"));
  EXPECT_FALSE(doors.is_submit("GET", "/v1/things/7/wishes"));
  EXPECT_FALSE(doors.is_submit("post", "/v1/things/7/wishes")) << "methods have their case";
  EXPECT_FALSE(doors.is_submit("POST", "/v1/things"));
  EXPECT_FALSE(doors.is_submit("POST", "/nowhere"));
  EXPECT_FALSE(router.is_submit("POST", "/v1/things/7/parts"));
}

TEST_F(Routes, AnswersAreCountedByRouteAndClass) {
  (void)call(get, "/v1/things/7");
  (void)call(get, "/nowhere");
  EXPECT_EQ(metrics.value("openrun_http_requests_total{route=\"/v1/things/{}\",status=\"2xx\"}"), 1);
  EXPECT_EQ(metrics.value("openrun_http_requests_total{route=\"other\",status=\"4xx\"}"), 1);
  EXPECT_EQ(metrics.value("openrun_http_request_seconds{route=\"/v1/things/{}\"}"), 1);
}

}  // namespace
}  // namespace openrun::gateway
