#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/config/config.hpp>

namespace openrun::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result<Config> with(std::map<std::string, std::string> environment) {
  return load({"", std::move(environment)});
}
std::string mistakes(std::map<std::string, std::string> environment) {
  const auto config = with(std::move(environment));
  return config ? "" : config.error().message;
}

TEST(Receivers, OfSpansIsAnAddressOfHttp) {
  const auto config = with({{"OPENRUN_TRACES__ENDPOINT", "https://otel.example:4318/tenant"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->traces.endpoint, "https://otel.example:4318/tenant");
  EXPECT_EQ(mistakes({{"OPENRUN_TRACES__ENDPOINT", "otel:4318"}}),
            "traces.endpoint is \"otel:4318\", which is no address of HTTP; write it as http://127.0.0.1:4318, without "
            "user, query and fragment (environment OPENRUN_TRACES__ENDPOINT)");
  for (const char* bad : {"http://", "http://:4318", "http://u:p@h", "http://h?x", "http://h#x", "http://h o"}) {
    EXPECT_FALSE(with({{"OPENRUN_TRACES__ENDPOINT", bad}})) << bad;
  }
}

TEST(Receivers, AFractionIsANumberWithinItsRange) {
  for (const char* good : {"0", "1", "0.01", "1e-3"}) {
    const auto config = with({{"OPENRUN_TRACES__SAMPLE_RATIO", good}});
    ASSERT_TRUE(config) << good;
    EXPECT_EQ(config->traces.sample_ratio, std::stod(good));
  }
  EXPECT_EQ(mistakes({{"OPENRUN_TRACES__SAMPLE_RATIO", "1.5"}}),
            "traces.sample_ratio is \"1.5\"; choose a number, 0 to 1 (environment OPENRUN_TRACES__SAMPLE_RATIO)");
  for (const char* bad : {"-0.1", "nan", "inf", "1%", "half", ""}) {
    EXPECT_FALSE(with({{"OPENRUN_TRACES__SAMPLE_RATIO", bad}})) << bad;
  }
}

TEST(Receivers, OfErrorsComesFromTheEnvironmentAndIsNeverRepeated) {
  const std::string dsn = "https://very-secret@errors.example/1";
  const auto config = with({{"SENTRY_DSN", dsn}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->sentry.dsn, dsn);
  EXPECT_THAT(print(*config), Not(HasSubstr("very-secret")));
  EXPECT_EQ(mistakes({{"SENTRY_DSN", "https://very-secret@errors.example"}}),
            "SENTRY_DSN is no DSN; copy it from the project's settings, as https://KEY@HOST/PROJECT, or unset it "
            "(environment SENTRY_DSN)");
  EXPECT_THAT(mistakes({{"SENTRY_DSN", dsn}, {"SENTRY_CA_FILE", "nowhere.pem"}}),
              HasSubstr("SENTRY_CA_FILE names a file that cannot be read: \"nowhere.pem\""));
}

}  // namespace
}  // namespace openrun::config
