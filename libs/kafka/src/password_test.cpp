#include "password.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace openrun::kafka {
namespace {

class FollowedPasswordTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "openrun_password_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    file_ = pattern + "/password";
  }
  void TearDown() override { std::filesystem::remove_all(std::filesystem::path(file_).parent_path()); }
  void write(const std::string& text) { std::ofstream(file_) << text; }

  std::string file_;
  FollowedPassword::Clock::time_point now_{std::chrono::seconds(1'000)};
};

TEST_F(FollowedPasswordTest, IsGivenOnceWhenItIsAnotherOne) {
  write("old\n");
  FollowedPassword password(file_, "old");
  EXPECT_EQ(password.changed(now_), std::nullopt);
  write("new\n");
  EXPECT_EQ(password.changed(now_), std::nullopt) << "it was looked at just now";
  now_ += FollowedPassword::interval;
  EXPECT_EQ(password.changed(now_), "new");
  now_ += FollowedPassword::interval;
  EXPECT_EQ(password.changed(now_), std::nullopt);
}

TEST_F(FollowedPasswordTest, StaysWhereTheFileCannotBeRead) {
  FollowedPassword password(file_, "old");
  EXPECT_EQ(password.changed(now_), std::nullopt);
  write("\n");
  now_ += FollowedPassword::interval;
  EXPECT_EQ(password.changed(now_), std::nullopt);
  write("new\n");
  now_ += FollowedPassword::interval;
  EXPECT_EQ(password.changed(now_), "new");
}

}  // namespace
}  // namespace openrun::kafka
