#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <openrun/config/config.hpp>

#include "keys_table.hpp"

namespace openrun::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ConfigFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "openrun_config_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  Result<Config> loaded(const std::string& yaml, std::map<std::string, std::string> environment = {}) {
    return load({write("openrun.yaml", yaml), std::move(environment)});
  }
  // The mistakes, with the folder's name left out.
  std::string mistakes(const std::string& yaml, std::map<std::string, std::string> environment = {}) {
    const Result<Config> config = loaded(yaml, std::move(environment));
    if (config) return "no mistake";
    EXPECT_EQ(config.error().kind, Error::Kind::invalid);
    std::string text = config.error().message;
    const std::string prefix = folder_.string() + "/";
    for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFile, AnEmptyFileGivesTheDefaults) {
  const auto config = loaded("# nothing\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->gateway.port, 8080);
  EXPECT_EQ(config->kafka.requests_topic, "openrun.requests");
}

TEST_F(ConfigFile, ACertificateNeedsItsKey) {
  const auto config = loaded("gateway:\n  tls:\n    certificate_file: tls.crt\n    key_file: tls.key\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->gateway.tls_certificate_file, (folder_ / "tls.crt").string());
  EXPECT_EQ(mistakes("gateway:\n  tls:\n    certificate_file: tls.crt\n"),
            "gateway.tls.certificate_file stands alone; name gateway.tls.key_file too (openrun.yaml:3)");
  EXPECT_EQ(mistakes("gateway:\n  tls:\n    key_file: tls.key\n"),
            "gateway.tls.key_file stands alone; name gateway.tls.certificate_file too (openrun.yaml:3)");
}

TEST_F(ConfigFile, OriginsAreCheckedOneByOne) {
  const auto config = loaded("gateway:\n  cors:\n    origins: \"https://shop.example, http://localhost:3000\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->gateway.cors_origins, "https://shop.example, http://localhost:3000");
  EXPECT_TRUE(loaded("gateway:\n  cors:\n    origins: \"*\"\n"));
  EXPECT_EQ(mistakes("gateway:\n  cors:\n    origins: \"https://shop.example,https://shop.example/\"\n"),
            "gateway.cors.origins holds \"https://shop.example/\", which is no origin; write them as "
            "https://shop.example, without a path, or * (openrun.yaml:3)");
  for (const char* origin : {"shop.example", "https://Shop.example", "https://", "ftp://a", "https://a b", "null"}) {
    EXPECT_FALSE(loaded("gateway:\n  cors:\n    origins: \"" + std::string(origin) + "\"\n")) << origin;
  }
}

TEST_F(ConfigFile, AMistakeRepeatsNoControlCharacterOfTheFile) {
  EXPECT_THAT(mistakes("gateway:\n  \"a\\e[2Jb\": 1\n"), HasSubstr("unknown key gateway.a\\x1b[2Jb"));
  EXPECT_THAT(mistakes(std::string("\"\\\0", 3)), HasSubstr("\\x00 (openrun.yaml:1)"));
}

TEST_F(ConfigFile, TextThatIsDocumentsWithoutEndIsRefused) {
  EXPECT_THAT(mistakes(",a\n"), HasSubstr("openrun.yaml"));
}

TEST_F(ConfigFile, ValuesOfEachTypeAreRead) {
  const auto config = loaded(
      "kafka:\n  brokers: a:1,b:2\n  partitions: 12\n  production: true\n  librdkafka:\n    security.protocol: SSL\n"
      "gateway:\n  port: 8081\nissuer:\nauth:\n  mode: trusted\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kafka.brokers, "a:1,b:2");
  EXPECT_EQ(config->kafka.partitions, 12);
  EXPECT_TRUE(config->kafka.production);
  EXPECT_EQ(config->kafka.librdkafka.at("security.protocol"), "SSL");
  EXPECT_EQ(config->gateway.port, 8081);
}

TEST_F(ConfigFile, AValueOutOfRangeNamesKeyRangeFileAndLine) {
  EXPECT_EQ(mistakes("# a comment\nissuer:\n  batch_max: 0\n"),
            "issuer.batch_max is 0; choose 1 to 10000 (openrun.yaml:3)");
}

TEST_F(ConfigFile, EveryMistakeIsReportedAtOnce) {
  EXPECT_EQ(mistakes("issuer:\n  batch_max: 10001\n  batch_maxx: 5\nisuer: {}\ngateway:\n  port: 12a\n  threads: [1]\n"
                     "kafka:\n  production: yes\n  brokers: ''\nlog:\n  level: loud\n"),
            "issuer.batch_max is 10001; choose 1 to 10000 (openrun.yaml:2)\n"
            "unknown key issuer.batch_maxx; did you mean batch_max? (openrun.yaml:3)\n"
            "unknown section \"isuer\"; did you mean issuer? (openrun.yaml:4)\n"
            "gateway.port is \"12a\"; choose a whole number, 0 to 65535 (openrun.yaml:6)\n"
            "gateway.threads is a list; give it a single value (openrun.yaml:7)\n"
            "kafka.production is \"yes\"; choose true or false (openrun.yaml:9)\n"
            "kafka.brokers is empty; give it a value (openrun.yaml:10)\n"
            "log.level is \"loud\"; choose debug, info, warning or error (openrun.yaml:12)");
}

TEST_F(ConfigFile, ANameThatIsNearNothingGetsNoSuggestion) {
  EXPECT_EQ(mistakes("issuer:\n  umbrella: 1\n"), "unknown key issuer.umbrella (openrun.yaml:2)");
}

TEST_F(ConfigFile, ADuplicateKeyOrSectionIsAMistake) {
  EXPECT_EQ(
      mistakes("gateway:\n  port: 1\n  port: 2\ngateway:\n  threads: 2\n"),
      "gateway.port stands twice; keep one (openrun.yaml:3)\nsection gateway stands twice; keep one (openrun.yaml:4)");
}

TEST_F(ConfigFile, AKeyWithoutValueIsAMistake) {
  EXPECT_EQ(mistakes("gateway:\n  port:\n"),
            "gateway.port has no value; give it one or remove the line (openrun.yaml:2)");
}

TEST_F(ConfigFile, ANumberBeyondSixtyFourBitsIsOutOfRange) {
  EXPECT_EQ(mistakes("gateway:\n  port: 99999999999999999999\n"),
            "gateway.port is 99999999999999999999; choose 0 to 65535 (openrun.yaml:2)");
}

TEST_F(ConfigFile, BrokenYamlNamesTheLine) {
  EXPECT_THAT(mistakes("gateway:\n  port: [1\n"), AllOf(HasSubstr("is not valid YAML"), HasSubstr("openrun.yaml:")));
  EXPECT_THAT(mistakes("- a list\n"), HasSubstr("not a map of sections"));
  EXPECT_THAT(mistakes("gateway: {}\n---\nissuer: {}\n"), HasSubstr("more than one YAML document"));
}

TEST_F(ConfigFile, AMissingFileIsAMistake) {
  const auto config = load({(folder_ / "absent.yaml").string(), {}});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, AllOf(HasSubstr("cannot read"), HasSubstr("absent.yaml")));
}

TEST_F(ConfigFile, TheEnvironmentOverridesTheFile) {
  const auto config = loaded("gateway:\n  port: 8081\n", {{"OPENRUN_GATEWAY__PORT", "8082"},
                                                          {"OPENRUN_KAFKA__LIBRDKAFKA__SASL_PASSWORD", "hunter2"},
                                                          {"OPENRUN_AUTH__MODE", "trusted"},
                                                          {"OPENRUN_CONFIG", "elsewhere"},
                                                          {"PATH__X", "y"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->gateway.port, 8082);
  EXPECT_EQ(config->kafka.librdkafka.at("sasl.password"), "hunter2");
}

TEST_F(ConfigFile, AMistakeInTheEnvironmentNamesTheVariable) {
  EXPECT_EQ(mistakes("", {{"OPENRUN_GATEWAY__PORT", "70000"}, {"OPENRUN_GATEWAY__PROT", "1"}}),
            "gateway.port is 70000; choose 0 to 65535 (environment OPENRUN_GATEWAY__PORT)\n"
            "unknown variable OPENRUN_GATEWAY__PROT; did you mean OPENRUN_GATEWAY__PORT? (environment)");
}

TEST_F(ConfigFile, ValuesThatContradictEachOtherAreAMistake) {
  EXPECT_EQ(mistakes("issuer:\n  retry_ms_min: 5000\n"),
            "issuer.retry_ms_min is 5000, above issuer.retry_ms_max (2000); choose at most that (openrun.yaml:2)");
}

TEST_F(ConfigFile, KeysMayStandInAMapBelowTheirSection) {
  const auto config = loaded("auth:\n  mode: jwt\n  jwt:\n    jwks_file: keys.json\n    leeway_s: 5\n",
                             {{"OPENRUN_AUTH__JWT__ISSUER", "https://id.example"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->gateway.auth_mode, "jwt");
  EXPECT_EQ(config->gateway.jwt.jwks_file, (folder_ / "keys.json").string());
  EXPECT_EQ(config->gateway.jwt.leeway_s, 5);
  EXPECT_EQ(config->gateway.jwt.issuer, "https://id.example");
  const std::string printed = print(*config);
  const auto again = loaded(printed);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(print(*again), printed);
}

TEST_F(ConfigFile, MistakesInAMapBelowASectionAreNamed) {
  EXPECT_EQ(mistakes("auth:\n  jwt:\n    leeway_s: 601\n    isuer: x\n  jwt: {}\n"),
            "auth.jwt.leeway_s is 601; choose 0 to 600 (openrun.yaml:3)\n"
            "unknown key auth.jwt.isuer; did you mean jwt.issuer? (openrun.yaml:4)\n"
            "auth.jwt stands twice; keep one (openrun.yaml:5)");
  EXPECT_EQ(mistakes("auth:\n  jwt: 5\n"), "auth.jwt is not a map; write its keys below it (openrun.yaml:2)");
}

TEST_F(ConfigFile, TrustedProxiesMustBeNetworks) {
  EXPECT_TRUE(loaded("gateway:\n  trusted_proxies: 10.0.0.0/8, ::1\n"));
  EXPECT_EQ(mistakes("gateway:\n  trusted_proxies: 10.0.0.1/8\n"),
            "gateway.trusted_proxies is \"10.0.0.1/8\"; write at most 64 networks as 10.0.0.0/8,2001:db8::/32 "
            "(openrun.yaml:2)");
}

TEST_F(ConfigFile, ModeJwtWithoutKeysIsAMistake) {
  EXPECT_EQ(mistakes("auth:\n  mode: jwt\n"),
            "auth.mode is jwt, and auth.jwt.jwks_file is not set; name the file with the keys that verify tokens "
            "(openrun.yaml:2)");
}

TEST_F(ConfigFile, AdminTokensComeFromTheFileOrFromFilesBesideIt) {
  write("ops.token", "0123456789abcdef-ops\n");
  const auto config = loaded(
      "gateway:\n  admin_tokens:\n    - {name: ci, token: 0123456789abcdef}\n    - {name: ops, token_file: "
      "ops.token}\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->gateway.admin_tokens.size(), 2U);
  EXPECT_EQ(config->gateway.admin_tokens[0].token, "0123456789abcdef");
  EXPECT_EQ(config->gateway.admin_tokens[1].name, "ops");
  EXPECT_EQ(config->gateway.admin_tokens[1].token, "0123456789abcdef-ops");
}

TEST_F(ConfigFile, BadAdminTokensAreRefusedWithoutShowingThem) {
  const std::string text = mistakes(
      "gateway:\n  admin_tokens:\n    - {name: a, token: short-one}\n    - {name: b}\n    - {name: c, token_file: "
      "none}\n"
      "    - {name: d, token: 0123456789abcdef, tokn: x}\n    - {name: e, token: 0123456789abcdef}\n"
      "    - {name: f, token: 0123456789abcdef}\n");
  EXPECT_THAT(text, HasSubstr("gateway.admin_tokens has too short a token for \"a\"; choose at least 16 characters "
                              "(openrun.yaml:3)"));
  EXPECT_THAT(text, HasSubstr("neither token and token_file; give one of them (openrun.yaml:4)"));
  EXPECT_THAT(text, HasSubstr("names a token_file that cannot be read: \"none\" (openrun.yaml:5)"));
  EXPECT_THAT(text, HasSubstr("unknown key \"tokn\"; did you mean token? (openrun.yaml:6)"));
  EXPECT_THAT(text, HasSubstr("gives \"e\" and \"f\" the same token"));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("short-one")), Not(HasSubstr("0123456789abcdef"))));
}

TEST_F(ConfigFile, AdminTokensFromTheEnvironmentReplaceTheList) {
  const auto config = loaded("gateway:\n  admin_tokens: [{name: ci, token: 0123456789abcdef}]\n",
                             {{"OPENRUN_GATEWAY__ADMIN_TOKENS", "ops=aaaaaaaaaaaaaaa=,two=bbbbbbbbbbbbbbbb"}});
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->gateway.admin_tokens.size(), 2U);
  EXPECT_EQ(config->gateway.admin_tokens[0].name, "ops");
  EXPECT_EQ(config->gateway.admin_tokens[0].token, "aaaaaaaaaaaaaaa=");
}

TEST_F(ConfigFile, PasswordsMayStandInFilesOfTheirOwn) {
  const std::string file = write("kafka.password", "open sesame\n");
  write("postgres.password", "sesame\n");
  const auto config = loaded("kafka:\n  sasl_password_file: kafka.password\n  librdkafka: {sasl.username: openrun}\n",
                             {{"OPENRUN_POSTGRES__PASSWORD_FILE", "postgres.password"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kafka.sasl_password_file, file);
  EXPECT_EQ(config->postgres.password_file, (folder_ / "postgres.password").string());
  EXPECT_THAT(print(*config), AllOf(Not(HasSubstr("sesame")), HasSubstr(file)));
}

TEST_F(ConfigFile, APasswordHasOneSourceThatCanBeRead) {
  write("good", "open sesame\n");
  EXPECT_EQ(mistakes("kafka:\n  sasl_password_file: good\n  librdkafka: {sasl.username: u, sasl.password: sesame}\n"
                     "postgres:\n  url: postgresql://u:sesame@h/d\n  password_file: good\n"),
            "kafka.sasl_password_file is set, and so is kafka.librdkafka.sasl.password; keep one (openrun.yaml:2)\n"
            "postgres.password_file is set, and postgres.url holds a password too; keep one (openrun.yaml:6)");
  EXPECT_EQ(mistakes("kafka:\n  sasl_password_file: good\n"),
            "kafka.sasl_password_file is set, and kafka.librdkafka.sasl.username is not; name the user "
            "(openrun.yaml:2)");
  EXPECT_EQ(mistakes("postgres:\n  url: postgresql://u:open@sesame@h/d\n"),
            "postgres.url is no clear connection string; write the special characters of the password as %XX, or put "
            "it into postgres.password_file (openrun.yaml:2)");
  EXPECT_EQ(mistakes("postgres:\n  password_file: none\n"),
            "postgres.password_file names a file that cannot be read: none (openrun.yaml:2)");
}

TEST_F(ConfigFile, RelativePathsStartAtTheFilesFolder) {
  auto config = loaded("keys:\n  file: secret/keys.yaml\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->keys.file, (folder_ / "secret/keys.yaml").string());
  config = loaded("keys:\n  file: /etc/keys.yaml\n");
  EXPECT_EQ(config->keys.file, "/etc/keys.yaml");
  EXPECT_EQ(load({})->keys.file, "keys.yaml");
}

TEST_F(ConfigFile, WhatIsPrintedCanBeLoadedAgain) {
  auto config = loaded(
      "kafka:\n  brokers: 'a\"b\\c:1'\n  librdkafka: {debug: all, security.protocol: SSL}\nissuer:\n  instance_id: "
      "i-1\n");
  ASSERT_TRUE(config) << config.error().message;
  const std::string printed = print(*config);
  const auto again = loaded(printed);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(print(*again), printed);
  EXPECT_EQ(again->kafka.brokers, "a\"b\\c:1");
}

TEST_F(ConfigFile, PrintingShowsNoSecret) {
  Config config;
  config.gateway.admin_tokens = {{"ops", "very-secret-token-1"}};
  config.postgres.url = "postgresql://openrun:very-secret@host/db?password=very-secret&sslmode=require";
  config.kafka.librdkafka = {{"sasl.password", "very-secret"},
                             {"ssl.key.password", "very-secret"},
                             {"ssl.key.pem", "very-secret"},
                             {"ssl.keystore.password", "very-secret"},
                             {"sasl.oauthbearer.client.secret", "very-secret"},
                             {"sasl.oauthbearer.config", "very-secret"},
                             {"sasl.username", "openrun"}};
  const std::string printed = print(config);
  EXPECT_THAT(printed, AllOf(Not(HasSubstr("very-secret")), HasSubstr("(set): \"ops\""),
                             HasSubstr("postgresql://openrun:(set)@host/db?password=(set)&sslmode=require")));
  config.postgres.url = "host=h user=u password='very secret' dbname=d";
  EXPECT_THAT(print(config), AllOf(Not(HasSubstr("very secret")), HasSubstr("password=(set) dbname=d")));
  EXPECT_THAT(print(Config{}),
              AllOf(HasSubstr("(not set)"), HasSubstr("\"postgresql://openrun@127.0.0.1:5433/openrun\"")));
}

TEST_F(ConfigFile, TheFileThatIsDeliveredHoldsEveryKeyWithItsDefault) {
  const std::string file = std::string(OPENRUN_SOURCE_DIR) + "/../../config/openrun.yaml";
  auto config = load({file, {}});
  ASSERT_TRUE(config) << config.error().message;
  config->keys.file = Config{}.keys.file;
  EXPECT_EQ(print(*config), print(Config{}));
  std::ifstream stream(file);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  for (const Key& key : all_keys()) {
    const std::size_t dot = key.name.find('.');
    const std::string indent = dot == std::string_view::npos ? "\n  " : "\n    ";
    EXPECT_THAT(text, HasSubstr(indent + std::string(key.name.substr(dot + 1)) + ":"));
  }
}

struct Started {
  std::optional<int> exit_code;
  std::string output;
  std::string errors;
  Config config;
};
Started started(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  arguments.insert(arguments.begin(), "program");
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  Started result;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  result.exit_code = start(static_cast<int>(pointers.size()), pointers.data(), "issuer", "1.2.3", result.config);
  result.output = ::testing::internal::GetCapturedStdout();
  result.errors = ::testing::internal::GetCapturedStderr();
  return result;
}

TEST_F(ConfigFile, StartHandsOverAGoodConfiguration) {
  const Started good = started({"--config", write("good.yaml", "issuer: {batch_max: 7}\n")});
  EXPECT_EQ(good.exit_code, std::nullopt);
  EXPECT_EQ(good.config.issuer.batch_max, 7);
}

TEST_F(ConfigFile, StartExitsWithTwoForABadConfigurationOrUsage) {
  const Started bad = started({"--check-config", "--config=" + write("bad.yaml", "issuer: {batch_max: -1}\n")});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.errors, AllOf(HasSubstr("issuer.batch_max is -1; choose 1 to 10000"), HasSubstr("bad.yaml:1")));
  EXPECT_EQ(started({"--config"}).exit_code, 2);
  EXPECT_THAT(started({"--confg"}).errors,
              AllOf(HasSubstr("unknown argument --confg"), HasSubstr("usage: openrun-issuer")));
}

TEST_F(ConfigFile, StartAnswersTheQuestionsThatExitWithZero) {
  const std::string file = write("good.yaml", "issuer: {batch_max: 7}\n");
  EXPECT_EQ(started({"--check-config", "--config", file}).exit_code, 0);
  EXPECT_THAT(started({"--print-config", "--config", file}).output, HasSubstr("batch_max: 7"));
  EXPECT_EQ(started({"--version"}).output, "openrun-issuer 1.2.3\n");
  EXPECT_THAT(started({"--help"}).output, HasSubstr("usage: openrun-issuer"));
}

}  // namespace
}  // namespace openrun::config
