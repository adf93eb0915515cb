#include <string>

#include <gtest/gtest.h>

#include <openrun/base/text.hpp>

namespace openrun {
namespace {

using namespace std::string_view_literals;

struct Utf8Case {
  const char* what;
  std::string_view bytes;
  std::size_t length;
};

TEST(Text, CountsCodePointsAndRefusesMalformedUtf8) {
  const Utf8Case cases[] = {
      {"empty", ""sv, 0},
      {"ascii", "user-1"sv, 6},
      {"hangul", "\xEA\xB0\x80\xEB\x82\x98"sv, 2},
      {"four bytes", "\xF0\x9F\x8E\x81"sv, 1},
      {"lone continuation", "\x80"sv, not_utf8},
      {"overlong slash", "\xC0\xAF"sv, not_utf8},
      {"overlong in three bytes", "\xE0\x80\xAF"sv, not_utf8},
      {"surrogate", "\xED\xA0\x80"sv, not_utf8},
      {"above U+10FFFF", "\xF4\x90\x80\x80"sv, not_utf8},
      {"cut short", "\xEA\xB0"sv, not_utf8},
  };
  for (const auto& c : cases) EXPECT_EQ(utf8_length(c.bytes), c.length) << c.what;
}

TEST(Text, UserIdsAreOneTo64CharactersWithoutControls) {
  EXPECT_TRUE(is_valid_user_id("1"));
  EXPECT_TRUE(is_valid_user_id(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_user_id(""));
  EXPECT_FALSE(is_valid_user_id(std::string(65, 'a')));
  EXPECT_FALSE(is_valid_user_id("a\0b"sv));
  EXPECT_FALSE(is_valid_user_id("a\nb"));
  EXPECT_FALSE(is_valid_user_id("a\x7F"));
  EXPECT_FALSE(is_valid_user_id("a\xC2\x85"));
  std::string emoji;
  for (int i = 0; i < 64; ++i) emoji += "\xF0\x9F\x8E\x81";
  EXPECT_TRUE(is_valid_user_id(emoji));
}

TEST(Text, IdempotencyKeysArePrintableAscii) {
  EXPECT_TRUE(is_valid_idempotency_key("8e03978e-40d5-43e8-bc93-6894a57f9324"));
  EXPECT_FALSE(is_valid_idempotency_key(""));
  EXPECT_FALSE(is_valid_idempotency_key(std::string(129, 'k')));
  EXPECT_FALSE(is_valid_idempotency_key("a\tb"));
}

}  // namespace
}  // namespace openrun
