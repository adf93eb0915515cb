// The page's document and files: which, in which language, with which headers, and how many bytes.
#include <cstddef>
#include <mutex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* files[] = {"page.css",     "icon.svg",    "openrun-client.js", "campaign.js", "clock.js",
                                 "countdown.js", "identity.js", "list.js",           "main.js",     "progress.js",
                                 "qr.js",        "screen.js",   "service.js",        "view.js",     "words.js",
                                 "words-en.js",  "words-ko.js"};

TEST(Page, IsOneDocumentForTheListAndForEachCampaign) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(3);
  const Answer home = harness.ask(get, "/");
  const Answer of_campaign = harness.ask(get, "/c/" + std::to_string(campaign));
  EXPECT_EQ(home.status(), 200U);
  EXPECT_EQ(home.reply->response->content_type, "text/html; charset=utf-8");
  EXPECT_THAT(home.body(), HasSubstr(R"(<html lang="en" data-auth="trusted">)"));
  EXPECT_EQ(of_campaign.status(), 200U);
  EXPECT_EQ(of_campaign.body(), home.body());
}

TEST(Page, IsInTheLanguageThatTheBrowserPrefers) {
  Harness harness;
  const Answer answer = harness.ask(get, "/", "", {{"Accept-Language", "ko-KR,ko;q=0.9,en;q=0.8"}});
  EXPECT_THAT(answer.body(), HasSubstr(R"(<html lang="ko" )"));
  EXPECT_EQ(answer.header("Vary"), "Accept-Language");
  EXPECT_NE(answer.header("ETag"), harness.ask(get, "/").header("ETag"));
}

TEST(Page, SaysHowUsersAreKnown) {
  Settings settings = Harness::test_settings();
  settings.users_by_token = true;
  Harness harness(settings);
  EXPECT_THAT(harness.ask(get, "/").body(), HasSubstr(R"(data-auth="jwt">)"));
}

TEST(Page, OfACampaignThatIsNotThereIs404InTheSameStyle) {
  Harness harness;
  for (const char* path : {"/c/999", "/c/0", "/c/abc", "/c/%31", "/c/99999999999"}) {
    const Answer answer = harness.ask(get, path);
    EXPECT_EQ(answer.status(), 404U) << path;
    EXPECT_EQ(answer.reply->response->content_type, "text/html; charset=utf-8") << path;
    EXPECT_THAT(answer.body(), HasSubstr("<main"));
  }
  EXPECT_EQ(harness.ask(get, "/c/").status(), 404U);
}

TEST(Page, WithoutTheStoreIsServedAndAsksAgainByItself) {
  Harness harness;
  {
    const std::lock_guard lock(harness.database.mutex);
    harness.database.down = true;
  }
  EXPECT_EQ(harness.ask(get, "/c/7").status(), 200U);
}

TEST(Page, LoadsNothingFromElsewhereAndNothingInline) {
  Harness harness;
  std::set<std::string> paths{"/", "/c/999"};
  for (const char* file : files) paths.insert(std::string("/page/") + file);
  for (const std::string& path : paths) {
    const Answer answer = harness.ask(get, path);
    const std::string policy = answer.header("Content-Security-Policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'")) << path;
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'")) << path;
    EXPECT_THAT(policy, HasSubstr("trusted-types 'none'")) << path;
    EXPECT_THAT(policy, Not(HasSubstr("unsafe"))) << path;
    EXPECT_THAT(policy, Not(HasSubstr("http"))) << path;
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer") << path;
    std::string body = answer.body();
    const std::string name_of_svg = "http://www.w3.org/2000/svg";
    if (const std::size_t at = body.find(name_of_svg); at != std::string::npos) body.erase(at, name_of_svg.size());
    EXPECT_THAT(body, Not(HasSubstr("//"))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr(" style="))) << path;
    EXPECT_THAT(answer.body(), Not(HasSubstr("innerHTML"))) << path;
  }
}

TEST(Page, IsNotSentAgainToWhoHasIt) {
  Harness harness;
  for (const char* path : {"/", "/page/main.js", "/page/page.css", "/page/icon.svg"}) {
    const Answer first = harness.ask(get, path);
    const std::string etag = first.header("ETag");
    EXPECT_EQ(first.header("Cache-Control"), "no-cache") << path;
    for (const std::string& tags : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
      const Answer again = harness.ask(get, path, "", {{"If-None-Match", tags}});
      EXPECT_EQ(again.status(), 304U) << path << " " << tags;
      EXPECT_EQ(again.header("ETag"), etag);
      EXPECT_EQ(again.body(), "");
    }
    EXPECT_EQ(harness.ask(get, path, "", {{"If-None-Match", "\"other\""}}).status(), 200U);
  }
}

TEST(Page, FilesHaveTheirTypeAndWhatIsNoneIs404) {
  Harness harness;
  EXPECT_EQ(harness.ask(get, "/page/main.js").reply->response->content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(harness.ask(get, "/page/page.css").reply->response->content_type, "text/css; charset=utf-8");
  EXPECT_EQ(harness.ask(get, "/page/icon.svg").reply->response->content_type, "image/svg+xml");
  for (const char* path : {"/page/other.js", "/page/page.html", "/page/..", "/page/%2e%2e"}) {
    const Answer answer = harness.ask(get, path);
    EXPECT_EQ(answer.status(), 404U) << path;
    EXPECT_EQ(answer.field("code"), "NOT_FOUND") << path;
  }
  EXPECT_EQ(harness.ask(head, "/page/main.js").status(), 200U);
  EXPECT_EQ(harness.ask(post, "/", "{}", json).status(), 405U);
}

TEST(Page, HasItsCodeWithoutTheRemarksThatOnlyPeopleRead) {
  Harness harness;
  EXPECT_THAT(harness.ask(get, "/page/main.js").body(), Not(HasSubstr("\n//")));
  EXPECT_THAT(harness.ask(get, "/page/page.css").body(), Not(HasSubstr("/*")));
  EXPECT_THAT(harness.ask(get, "/").body(), Not(HasSubstr("<!--")));
  EXPECT_THAT(harness.ask(get, "/openrun-client.js").body(), HasSubstr("\n// "));
}

// All that a browser loads on the way from the countdown to the coupon: the list is a page of its own, and a language
// is loaded when it is spoken.
TEST(Page, FitsInto60KilobytesWithAllThatItLoads) {
  Harness harness;
  std::size_t bytes = harness.ask(get, "/").body().size();
  for (const std::string file : files) {
    if (file != "list.js" && file != "words-en.js") bytes += harness.ask(get, "/page/" + file).body().size();
  }
  EXPECT_LT(bytes, 60'000U);
}

}  // namespace
}  // namespace openrun::gateway
