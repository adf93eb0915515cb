#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <openrun/wire/json.hpp>

namespace openrun::wire {
namespace {

const JsonValue* member(const JsonValue& value, std::string_view key) {
  const auto* object = value.get<JsonObject>();
  if (object == nullptr) return nullptr;
  for (const auto& [name, inner] : *object) {
    if (name == key) return &inner;
  }
  return nullptr;
}

TEST(JsonParse, ReadsEveryKindOfValue) {
  const auto parsed = parse_json(
      R"( {"n":null,"t":true,"i":-9223372036854775808,"u":18446744073709551615,"d":1.5e3,"s":"a\u00e9\ud83c\udf81\n","a":[1,[2]],"o":{}} )");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_TRUE(member(*parsed, "n")->is_null());
  EXPECT_EQ(*member(*parsed, "t")->get<bool>(), true);
  EXPECT_EQ(*member(*parsed, "i")->get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*member(*parsed, "u")->get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(*member(*parsed, "d")->get<double>(), 1500.0);
  EXPECT_EQ(*member(*parsed, "s")->get<std::string>(), "aé🎁\n");
  EXPECT_EQ(member(*parsed, "a")->get<JsonArray>()->size(), 2U);
  EXPECT_TRUE(member(*parsed, "o")->get<JsonObject>()->empty());
  EXPECT_EQ(*parse_json("7")->get<std::int64_t>(), 7);
}

TEST(JsonParse, KeepsTheOrderOfMembers) {
  const auto parsed = parse_json(R"({"b":1,"a":2})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed->get<JsonObject>())[0].first, "b");
}

std::string members(int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
  return text + "}";
}

TEST(JsonParse, BoundsDepthAndMembers) {
  EXPECT_TRUE(parse_json("[[[[[[[[1]]]]]]]]"));
  EXPECT_FALSE(parse_json("[[[[[[[[[1]]]]]]]]]"));
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
  EXPECT_TRUE(parse_json(members(256)));
  EXPECT_FALSE(parse_json(members(257)));
}

TEST(JsonParse, RefusesWhatIsAmbiguousOrBroken) {
  using namespace std::string_view_literals;
  const std::string_view refused[] = {
      ""sv,
      " "sv,
      "{"sv,
      "{}}"sv,
      "{} x"sv,
      "1 2"sv,
      "{\"a\":1,}"sv,
      "{'a':1}"sv,
      "[01]"sv,
      "[1.]"sv,
      "[+1]"sv,
      "[NaN]"sv,
      "[1e999]"sv,
      "[18446744073709551616]"sv,
      "nul"sv,
      "\"\n\""sv,
      "\"\\x\""sv,
      "\"\xFF\""sv,
      "\"\xED\xA0\x80\""sv,
      "{\"\xC0\x80\":1}"sv,
      R"("\ud800")"sv,
      R"("\udc00")"sv,
      R"("\ud800\u0041")"sv,
      R"("\ud800\ud800")"sv,
      R"({"\udc00":1})"sv,
      R"({"a":1,"a":2})"sv,
      R"({"a":1,"\u0061":2})"sv,
      R"([{"x":{"a":1,"b":2,"a":3}}])"sv,
      "\0"sv,
      "{}\0"sv,
      "// a\n{}"sv,
  };
  for (const auto text : refused) {
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, Error::Kind::invalid);
    EXPECT_FALSE(parsed.error().message.empty());
  }
}

TEST(JsonParse, ATextAfterALargeOrBrokenOneIsReadAfresh) {
  EXPECT_TRUE(parse_json("\"" + std::string(1'000'000, 'x') + "\""));
  EXPECT_FALSE(parse_json("[1,"));
  EXPECT_TRUE(parse_json("[1]"));
}

TEST(JsonParse, AnyBytesAreReadSafely) {
  std::mt19937_64 random(8259);
  const std::string seed =
      R"({"name":"오픈런","stock":1000,"policy":{"discount":{"type":"percent","value":10}},"x":[true,null,"\u00e9"]})";
  int accepted = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text = seed;
    for (auto edits = random() % 3; edits > 0; --edits) text[random() % text.size()] = static_cast<char>(random());
    const std::string tight(text);
    accepted += parse_json(tight) ? 1 : 0;
  }
  EXPECT_GT(accepted, 5'000);
}

TEST(JsonWrite, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("a").number(std::int64_t{1}).key("b").begin_array().string("x").string("y").begin_object();
  writer.end_object().end_array().key("c").begin_object().end_object().key("d").raw("[1]").key("e").null().end_object();
  EXPECT_EQ(out, R"({"a":1,"b":["x","y",{}],"c":{},"d":[1],"e":null})");
}

TEST(JsonWrite, EscapesWhatJsonForbids) {
  using namespace std::string_view_literals;
  std::string out;
  JsonWriter(out).string("\"\\/\b\f\n\r\t\x01\x1F\x7F 가\0"sv);
  EXPECT_EQ(out, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F 가\\u0000\"");
}

TEST(JsonWrite, WritesNumbersOfEveryWidthAndShortestDoubles) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array().number(7).number(7U).number(std::uint16_t{8}).number(std::numeric_limits<std::int64_t>::min());
  writer.number(std::numeric_limits<std::uint64_t>::max()).number(0.1).number(1e300).boolean(true).boolean(false);
  writer.number(std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(out, "[7,7,8,-9223372036854775808,18446744073709551615,0.1,1e+300,true,false,null]");
}

TEST(JsonWrite, AWholeDoubleBeyondTheIntegersIsReadBackAsADouble) {
  for (const double number : {-92233720368547758080.0, 18446744073709551616.0, 1e19, 9007199254740994.0}) {
    std::string out;
    JsonWriter(out).number(number);
    const auto parsed = parse_json(out);
    ASSERT_TRUE(parsed) << out;
    EXPECT_EQ(*parsed->get<double>(), number) << out;
  }
}

TEST(JsonWrite, WhatIsWrittenIsReadBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (auto length = random() % 20; length > 0; --length)
      text += random() % 5 == 0 ? "가" : std::string(1, static_cast<char>(random() % 128));
    const auto number = static_cast<std::int64_t>(random());
    std::string out;
    JsonWriter(out).begin_object().key(text).string(text).key(text + "n").number(number).end_object();
    const auto parsed = parse_json(out);
    ASSERT_TRUE(parsed) << out;
    ASSERT_EQ(*member(*parsed, text)->get<std::string>(), text);
    ASSERT_EQ(*member(*parsed, text + "n")->get<std::int64_t>(), number);
  }
}

}  // namespace
}  // namespace openrun::wire
