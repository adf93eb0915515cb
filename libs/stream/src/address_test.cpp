#include "address.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace openrun::stream {
namespace {

TEST(NumericAddress, IsReadAndWrittenBack) {
  for (const char* text : {"127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"}) {
    const auto address = numeric_address(text, 9104);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->host(), text);
    EXPECT_EQ(address->port(), 9104);
    EXPECT_FALSE(address->is_any());
  }
}

TEST(NumericAddress, KnowsAnyAddress) {
  EXPECT_TRUE(numeric_address("0.0.0.0", 1)->is_any());
  EXPECT_TRUE(numeric_address("::", 1)->is_any());
}

TEST(NumericAddress, IsNoName) {
  for (const char* text : {"localhost", "", "127.0.0.1:80", "256.0.0.1", "host.example", "127.1", "0x7f.0.0.1",
                           "2130706433", "fe80::1%lo"}) {
    EXPECT_FALSE(numeric_address(text, 1).has_value()) << text;
  }
}

TEST(NumericAddress, KnowsWhatOthersCannotReach) {
  for (const char* text : {"127.0.0.1", "127.0.1.1", "::1", "fe80::1"}) {
    EXPECT_TRUE(numeric_address(text, 1)->is_local()) << text;
  }
  for (const char* text : {"10.0.0.1", "128.0.0.1", "192.0.2.127", "fd00::1", "2001:db8::1"}) {
    EXPECT_FALSE(numeric_address(text, 1)->is_local()) << text;
  }
}

// As Debian writes its /etc/hosts: the host's name is 127.0.1.1 first.
TEST(OwnAddress, IsOneThatOthersReachWhereThereIsOne) {
  std::vector<SocketAddress> addresses{*numeric_address("127.0.1.1", 0), *numeric_address("192.0.2.1", 0),
                                       *numeric_address("192.0.2.2", 0)};
  EXPECT_EQ(most_reachable(addresses).host(), "192.0.2.1");
  addresses.resize(1);
  EXPECT_EQ(most_reachable(addresses).host(), "127.0.1.1");
}

}  // namespace
}  // namespace openrun::stream
