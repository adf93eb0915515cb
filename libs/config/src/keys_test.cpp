#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <openrun/config/config.hpp>

namespace openrun::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class KeyFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "openrun_keys_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Result<KeyFile> loaded(const std::string& yaml) {
    std::ofstream(folder_ / "keys.yaml") << yaml;
    return load_keys((folder_ / "keys.yaml").string());
  }

  std::filesystem::path folder_;
  const std::string long_key_ = std::string(62, 'a') + "0F";
  const std::string short_key_ = std::string(32, 'b');
};

TEST_F(KeyFiles, WhatIsPrintedIsReadBack) {
  KeyFile keys;
  keys.code_key.assign(32, 0x01);
  keys.user_hash_key.assign(16, 0xfe);
  keys.receipt_keys = {{3, std::vector<std::uint8_t>(32, 0x10)}, {0, std::vector<std::uint8_t>(32, 0x20)}};
  const auto again = loaded(print_keys(keys));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->code_key, keys.code_key);
  EXPECT_EQ(again->user_hash_key, keys.user_hash_key);
  ASSERT_EQ(again->receipt_keys.size(), 2U);
  EXPECT_EQ(again->receipt_keys[0].id, 3);
  EXPECT_EQ(again->receipt_keys[1].key, keys.receipt_keys[1].key);
}

TEST_F(KeyFiles, HexadecimalDigitsMayBeInEitherCase) {
  const auto keys = loaded("code_key: " + long_key_ + "\nuser_hash_key: " + short_key_ +
                           "\nreceipt_keys: [{id: 1, key: " + long_key_ + "}]\n");
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->code_key.back(), 0x0f);
}

TEST_F(KeyFiles, EveryMistakeIsToldAtOnceAndNoKeyIsShown) {
  const auto keys = loaded("code_key: " + short_key_ + "\nuser_hash_key: " + std::string(31, 'b') +
                           "x\nreceipt_keys:\n  - {id: 1, key: " + long_key_ + "}\n  - {id: 1, key: " + long_key_ +
                           "}\n  - {id: 300, key: 00}\n  - 7\nspare: 1\n");
  ASSERT_FALSE(keys);
  const std::string& text = keys.error().message;
  EXPECT_THAT(text, HasSubstr("code_key is not 64 hexadecimal digits (32 bytes)"));
  EXPECT_THAT(text, AllOf(HasSubstr("user_hash_key is not 32 hexadecimal digits"), HasSubstr("keys.yaml:2")));
  EXPECT_THAT(text, HasSubstr("receipt_keys has the id 1 twice"));
  EXPECT_THAT(text, HasSubstr("receipt_keys has an id that is no number from 0 to 255"));
  EXPECT_THAT(text, HasSubstr("a key of receipt_keys is not 64 hexadecimal digits"));
  EXPECT_THAT(text, HasSubstr("receipt_keys has an entry that is not {id, key}"));
  EXPECT_THAT(text, HasSubstr("unknown key \"spare\""));
  EXPECT_THAT(text, Not(HasSubstr("bbbb")));
}

TEST_F(KeyFiles, MissingPartsAreNamed) {
  const auto keys = loaded("code_key: " + long_key_ + "\nreceipt_keys: []\n");
  ASSERT_FALSE(keys);
  EXPECT_THAT(keys.error().message,
              AllOf(HasSubstr("user_hash_key is missing"), HasSubstr("receipt_keys is not a list")));
  EXPECT_THAT(loaded("").error().message, HasSubstr("make one with `openrun keys init`"));
  EXPECT_THAT(load_keys((folder_ / "absent").string()).error().message, HasSubstr("cannot read the key file"));
}

}  // namespace
}  // namespace openrun::config
