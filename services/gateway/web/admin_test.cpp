// The operator's page: what is served, with which headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* paths[] = {"/admin",          "/admin/admin.css",    "/admin/api.js", "/admin/audits.js",
                                 "/admin/board.js", "/admin/campaigns.js", "/admin/dom.js", "/admin/letters.js",
                                 "/admin/main.js",  "/admin/plot.js"};

TEST(AdminPage, LoadsNothingFromElsewhereAndNothingInline) {
  Harness harness;
  for (const char* path : paths) {
    const Answer answer = harness.ask(get, path);
    EXPECT_EQ(answer.status(), 200U) << path;
    EXPECT_THAT(answer.header("Content-Security-Policy"), HasSubstr("default-src 'none'")) << path;
    EXPECT_THAT(answer.header("Content-Security-Policy"), Not(HasSubstr("unsafe"))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr("//"))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr(" style="))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr("innerHTML"))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr("localStorage"))) << path;
    EXPECT_EQ(harness.ask(get, path, "", {{"If-None-Match", answer.header("ETag")}}).status(), 304U) << path;
  }
  EXPECT_EQ(harness.ask(get, "/admin/other.js").status(), 404U);
}

TEST(AdminPage, LoadsEachOfItsModules) {
  Harness harness;
  for (const char* path : paths) {
    const std::string body = harness.ask(get, path).body();
    for (std::size_t at = body.find(" from \"./"); at != std::string::npos; at = body.find(" from \"./", at + 1)) {
      const std::size_t begin = at + 9;
      const std::string name = body.substr(begin, body.find('"', begin) - begin);
      EXPECT_EQ(harness.ask(get, "/admin/" + name).status(), 200U) << path << " loads " << name;
    }
  }
}

}  // namespace
}  // namespace openrun::gateway
