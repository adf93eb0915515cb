#include <string>

#include <gtest/gtest.h>

#include <openrun/base/address.hpp>

namespace openrun {
namespace {

TEST(Addresses, AreReadInBothVersions) {
  const auto four = parse_address("192.0.2.1");
  ASSERT_TRUE(four);
  EXPECT_TRUE(four->is_version_4());
  EXPECT_EQ(four->bytes[12], 192);
  EXPECT_EQ(parse_address("::ffff:192.0.2.1"), four) << "as a socket of version 6 shows it";
  const auto six = parse_address("2001:db8::1");
  ASSERT_TRUE(six);
  EXPECT_FALSE(six->is_version_4());
  EXPECT_EQ(parse_address("2001:0DB8:0:0:0:0:0:1"), six);
}

TEST(Addresses, AnythingElseIsNone) {
  for (const std::string& text :
       {std::string(), std::string("localhost"), std::string("192.0.2"), std::string("192.0.2.256"),
        std::string("192.0.2.01"), std::string("0x7f.0.0.1"), std::string("192.0.2.1:80"), std::string("[::1]"),
        std::string("fe80::1%eth0"), std::string(" ::1"), std::string("::1 "), std::string(":::1"),
        std::string("1:2:3:4:5:6:7:8:9"), std::string("::1\0", 4), std::string(200, '1')}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Networks, HoldTheirAddresses) {
  const auto ten = parse_network("10.0.0.0/8");
  ASSERT_TRUE(ten);
  EXPECT_TRUE(ten->holds(*parse_address("10.255.0.1")));
  EXPECT_TRUE(ten->holds(*parse_address("::ffff:10.0.0.1")));
  EXPECT_FALSE(ten->holds(*parse_address("11.0.0.1")));
  EXPECT_FALSE(ten->holds(*parse_address("::a00:1")));
  const auto odd = parse_network("192.0.2.128/25");
  EXPECT_TRUE(odd->holds(*parse_address("192.0.2.200")));
  EXPECT_FALSE(odd->holds(*parse_address("192.0.2.100")));
  EXPECT_TRUE(parse_network("2001:db8::/32")->holds(*parse_address("2001:db8:1::1")));
  EXPECT_FALSE(parse_network("2001:db8::/32")->holds(*parse_address("2001:db9::1")));
  EXPECT_TRUE(parse_network("0.0.0.0/0")->holds(*parse_address("8.8.8.8")));
  EXPECT_FALSE(parse_network("0.0.0.0/0")->holds(*parse_address("::1")));
  EXPECT_TRUE(parse_network("::/0")->holds(*parse_address("8.8.8.8")));
  EXPECT_TRUE(parse_network("::1")->holds(*parse_address("::1")));
  EXPECT_FALSE(parse_network("::1")->holds(*parse_address("::2")));
}

TEST(Networks, ThatAreNoneAreRefused) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8", "::/129",
                           "::1/64", "10.0.0.0/8/8", "any"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

TEST(Networks, ComeAsAListWithBounds) {
  EXPECT_EQ(parse_networks("")->size(), 0U);
  EXPECT_EQ(parse_networks("10.0.0.0/8, ::1,192.0.2.1")->size(), 3U);
  EXPECT_FALSE(parse_networks("10.0.0.0/8,nobody"));
  std::string many;
  for (std::size_t i = 0; i < networks_max; ++i) many += "::1,";
  EXPECT_TRUE(parse_networks(many));
  EXPECT_FALSE(parse_networks(many + "::1"));
}

}  // namespace
}  // namespace openrun
