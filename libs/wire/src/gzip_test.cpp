#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include <openrun/wire/gzip.hpp>

namespace openrun::wire {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Gzip, WhatWasCompressedComesBack) {
  for (const std::string& text : {std::string(), std::string("{}"), std::string(50'000, 'x') + "end"}) {
    const auto inflated = gunzip(gzip(text), 100'000);
    ASSERT_TRUE(inflated) << inflated.error().message;
    EXPECT_EQ(*inflated, text);
  }
}

TEST(Gzip, TheBoundCountsAfterInflating) {
  const std::string bomb = gzip(std::string(10'000'000, '0'));
  ASSERT_LT(bomb.size(), 16U * 1024U) << "small enough to come in";
  const auto refused = gunzip(bomb, 16 * 1024);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::overloaded);
  EXPECT_TRUE(gunzip(gzip(std::string(1'000, 'x')), 1'000));
  EXPECT_FALSE(gunzip(gzip(std::string(1'001, 'x')), 1'000));
}

TEST(Gzip, WhatIsNoWholeMemberIsRefused) {
  const std::string whole = gzip("{\"campaignId\":1}");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const auto cut = gunzip(whole.substr(0, bytes), 1'000);
    ASSERT_FALSE(cut) << "cut after " << bytes;
    EXPECT_EQ(cut.error().kind, Error::Kind::invalid);
  }
  std::string changed = whole;
  changed[changed.size() - 6] = static_cast<char>(changed[changed.size() - 6] ^ 1);
  EXPECT_FALSE(gunzip(changed, 1'000)) << "the checksum";
  EXPECT_FALSE(gunzip(whole + "more", 1'000));
  EXPECT_FALSE(gunzip("{\"campaignId\":1}", 1'000));
}

}  // namespace
}  // namespace openrun::wire
