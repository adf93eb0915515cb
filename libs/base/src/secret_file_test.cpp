#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <openrun/base/secret_file.hpp>

namespace openrun {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "openrun_secret_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    file_ = pattern + "/secret";
  }
  void TearDown() override { std::filesystem::remove_all(std::filesystem::path(file_).parent_path()); }
  Result<std::string> read(const std::string& text) {
    std::ofstream(file_, std::ios::binary) << text;
    return read_secret(file_);
  }

  std::string file_;
};

TEST_F(SecretFile, IsItsFirstLineHoweverThatEnds) {
  for (const char* text : {"open sesame ", "open sesame \n", "open sesame \r\n", "open sesame \nand more"}) {
    EXPECT_EQ(read(text).value(), "open sesame ") << text;
  }
  EXPECT_EQ(read(std::string(secret_bytes_max, 'x') + "\n")->size(), secret_bytes_max);
}

TEST_F(SecretFile, IsReadAnewEachTime) {
  EXPECT_EQ(read("first").value(), "first");
  EXPECT_EQ(read("second").value(), "second");
}

TEST_F(SecretFile, ThatHoldsNoneIsNamedAndNotShown) {
  EXPECT_THAT(read_secret(file_).error().message, AllOf(HasSubstr("cannot be read"), HasSubstr(file_)));
  EXPECT_THAT(read_secret("/").error().message, HasSubstr("cannot be read"));
  EXPECT_THAT(read("").error().message, HasSubstr("first line is empty"));
  EXPECT_THAT(read("\nsesame").error().message, AllOf(HasSubstr("first line is empty"), Not(HasSubstr("sesame"))));
  EXPECT_THAT(read(std::string("se\0same", 7)).error().message, AllOf(HasSubstr("no text"), Not(HasSubstr("same"))));
  EXPECT_THAT(read(std::string(secret_bytes_max + 1, 'x')).error().message,
              AllOf(HasSubstr("longer than 1024"), Not(HasSubstr("xx"))));
}

}  // namespace
}  // namespace openrun
