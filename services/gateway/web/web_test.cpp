// What the gateway carries in itself, and whether it describes what the gateway does.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using testing::Harness;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(GatewayWeb, ServesTheDescriptionOfItsCalls) {
  Harness harness;
  const auto answer = harness.ask(ports::HttpMethod::get, "/openapi.yaml");
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_THAT(answer.body(), StartsWith("openapi: 3.1.0\n"));
  EXPECT_THAT(answer.body(), HasSubstr("/v1/campaigns/{campaign_id}/requests:"));
}

TEST(GatewayWeb, ServesTheClientForFrontEnds) {
  Harness harness;
  const auto answer = harness.ask(ports::HttpMethod::get, "/openrun-client.js");
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.reply->response->content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(answer.body(), HasSubstr("export class OpenrunClient"));
}

// Each route stands in the description with its method; those of the services of proto/ (with a dot) are described
// there.
TEST(GatewayWeb, TheDescriptionNamesEveryRoute) {
  Harness harness;
  const std::string description = harness.ask(ports::HttpMethod::get, "/openapi.yaml").body();
  for (const std::string& route : harness.gateway->route_names()) {
    const std::size_t space = route.find(' ');
    std::string path = route.substr(space + 1);
    const std::size_t argument = path.find("{}");
    if (argument != std::string::npos && path.find('.') < argument) continue;
    std::size_t at = std::string::npos;
    if (argument == std::string::npos) {
      at = description.find("\n  " + path + ":\n");
    } else {
      // Any name may stand in the braces.
      const std::string before = "\n  " + path.substr(0, argument + 1);
      const std::string after = path.substr(argument + 1) + ":\n";
      for (at = description.find(before); at != std::string::npos; at = description.find(before, at + 1)) {
        const std::size_t brace = description.find('}', at);
        if (description.substr(brace, after.size()) == after) break;
      }
    }
    ASSERT_NE(at, std::string::npos) << route;
    const std::size_t next = description.find("\n  /", at + 1);
    EXPECT_THAT(description.substr(at, next - at), HasSubstr("\n    " + route.substr(0, space) + ":")) << route;
  }
}

}  // namespace
}  // namespace openrun::gateway
