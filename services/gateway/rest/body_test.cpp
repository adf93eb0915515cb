#include "gateway/rest/body.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

TEST(Body, ThePlainFormIsReadWithoutATreeAndOnlyThat) {
  EXPECT_EQ(plain_user_id(R"({"user_id":"ann"})"), "ann");
  EXPECT_EQ(plain_user_id(R"({"user_id": "user 1~"})"), "user 1~");
  for (const char* body : {R"({"user_id":""})", R"({"user_id":"a\u0062"})", R"({"user_id":"a","x":"b"})",
                           R"({"user_id":1})", R"({ "user_id":"a"})", R"({"user_id":"a" })", R"({"user_id":"a"}})", "",
                           "{}", "{\"user_id\":\"\xEA\xB0\x80\"}", "{\"user_id\":\"a\nb\"}"}) {
    const auto plain = plain_user_id(body);
    EXPECT_TRUE(!plain || plain->empty()) << body;
  }
}

TEST(Body, TheShortcutAgreesWithTheParserWhereverItAnswers) {
  for (const char* user : {"a", "user-123", "x@y.z", "{}", "','", "a b"}) {
    const std::string body = R"({"user_id":")" + std::string(user) + R"("})";
    const auto tree = wire::parse_json(body);
    ASSERT_TRUE(tree);
    EXPECT_EQ(plain_user_id(body), *tree->get<wire::JsonObject>()->front().second.get<std::string>());
  }
}

}  // namespace
}  // namespace openrun::gateway
