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

TEST(FieldReader, AWholeNumberIsAnIntegerHoweverItIsWritten) {
  const auto read = [](std::string_view text) {
    const auto parsed = wire::parse_json(text);
    std::vector<FieldError> errors;
    FieldReader fields(std::get<wire::JsonObject>(parsed->value), "", errors);
    const auto number = fields.integer("n", -10, 1'000);
    return errors.empty() ? std::to_string(number.value_or(-99)) : errors.front().message;
  };
  EXPECT_EQ(read(R"({"n":12})"), "12");
  EXPECT_EQ(read(R"({"n":12.0})"), "12");
  EXPECT_EQ(read(R"({"n":-1e1})"), "-10");
  EXPECT_EQ(read(R"({"n":12.5})"), "must be an integer");
  EXPECT_EQ(read(R"({"n":1e300})"), "must be an integer");
  EXPECT_EQ(read(R"({"n":"12"})"), "must be an integer");
  EXPECT_EQ(read(R"({"n":1e6})"), "must be an integer from -10 to 1000");
}

}  // namespace
}  // namespace openrun::gateway
