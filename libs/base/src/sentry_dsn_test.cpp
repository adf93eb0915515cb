#include <gtest/gtest.h>

#include <openrun/base/sentry_dsn.hpp>

namespace openrun {
namespace {

TEST(SentryDsn, NamesItsEnvelopesAndItsKey) {
  const auto dsn = parse_sentry_dsn("https://0a1b2c@o7.errors.example/42");
  ASSERT_TRUE(dsn);
  EXPECT_EQ(dsn->envelope_url, "https://o7.errors.example/api/42/envelope/");
  EXPECT_EQ(dsn->public_key, "0a1b2c");
}

TEST(SentryDsn, MayHaveAPortAPathAndTheSecretOfOlderOnes) {
  const auto dsn = parse_sentry_dsn("http://public:private@[::1]:9000/below/it/7");
  ASSERT_TRUE(dsn);
  EXPECT_EQ(dsn->envelope_url, "http://[::1]:9000/below/it/api/7/envelope/");
  EXPECT_EQ(dsn->public_key, "public");
}

TEST(SentryDsn, AnythingElseIsNone) {
  for (const char* text : {"", "key", "https://host/1", "https://@host/1", "https://key@/1", "https://key@host",
                           "https://key@host/", "ftp://key@host/1", "https://key@host/1?x=1", "https://k y@host/1",
                           "https://key@host/a b/1", "https://key@host\n/1", "https://:secret@host/1"}) {
    EXPECT_FALSE(parse_sentry_dsn(text)) << text;
  }
}

}  // namespace
}  // namespace openrun
