#include "frames.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr crypto::SealingKey session{1, 2, 3};

class Frames : public ::testing::Test {
 protected:
  Frames() {
    crypto::Sealer sealer(session);
    for (const char* message : {"first", "", "third"}) write_frame(sealer, message, bytes_);
  }
  bool take(std::string& received) {
    return reader_.take(received, [&](std::string_view message) { heard_.emplace_back(message); });
  }

  std::string bytes_;
  FrameReader reader_{session};
  std::vector<std::string> heard_;
};

TEST_F(Frames, AreReadAtOnce) {
  std::string received = bytes_;
  EXPECT_TRUE(take(received));
  EXPECT_THAT(heard_, ElementsAre("first", "", "third"));
  EXPECT_THAT(received, IsEmpty());
}

TEST_F(Frames, AreReadHoweverTheyAreCut) {
  for (std::size_t at = 0; at <= bytes_.size(); ++at) {
    heard_.clear();
    reader_ = FrameReader(session);
    std::string received = bytes_.substr(0, at);
    EXPECT_TRUE(take(received)) << at;
    received += bytes_.substr(at);
    EXPECT_TRUE(take(received)) << at;
    EXPECT_THAT(heard_, ElementsAre("first", "", "third")) << at;
    EXPECT_THAT(received, IsEmpty()) << at;
  }
}

TEST_F(Frames, AreRefusedByTheirLengthAlone) {
  for (const char* length : {"\x00\x20\x00\x11", "\xff\xff\xff\xff", "\x00\x00\x00\x0f", "\x00\x00\x00\x00"}) {
    std::string received(length, length_bytes);
    EXPECT_FALSE(take(received));
  }
  std::string longest("\x00\x20\x00\x10", length_bytes);
  EXPECT_TRUE(take(longest));
  EXPECT_THAT(heard_, IsEmpty());
}

}  // namespace
}  // namespace openrun::stream
