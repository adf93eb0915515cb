#include "address.hpp"

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
  for (const char* text : {"localhost", "", "127.0.0.1:80", "256.0.0.1", "host.example"}) {
    EXPECT_FALSE(numeric_address(text, 1).has_value()) << text;
  }
}

}  // namespace
}  // namespace openrun::stream
