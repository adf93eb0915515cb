// Bringing the schema up to date.
#include <future>

#include <unistd.h>

#include "schema_steps.hpp"
#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

class Schema : public ::testing::Test {
 protected:
  void SetUp() override {
    if (server_url().empty()) GTEST_SKIP() << "OPENRUN_TEST_DATABASE_URL names no server";
    name_ = "openrun_test_schema_" + std::to_string(::getpid());
    create_database(name_);
    options_.url = url_with(name_);
  }
  void TearDown() override {
    if (!name_.empty()) drop_database(name_);
  }
  std::string name_;
  Options options_;
};

TEST_F(Schema, TheFirstMigrationRunsEveryStepAndTheSecondNone) {
  const auto first = migrate(options_, fingerprint);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->size(), schema_steps().size());
  EXPECT_EQ(first->front(), "0001_initial");
  const auto second = migrate(options_, fingerprint);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->empty());
  EXPECT_TRUE(check_schema(options_, fingerprint));
}

TEST_F(Schema, SeveralMigrationsAtOnceRunEachStepOnce) {
  std::vector<std::future<Result<std::vector<std::string>>>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(std::async(std::launch::async, [this] { return migrate(options_, fingerprint); }));
  }
  std::size_t ran = 0;
  for (auto& answer : answers) {
    const auto steps = answer.get();
    ASSERT_TRUE(steps) << steps.error().message;
    ran += steps->size();
  }
  EXPECT_EQ(ran, schema_steps().size());
}

TEST_F(Schema, AnotherCodeKeyIsAConflict) {
  ASSERT_TRUE(migrate(options_, fingerprint));
  EXPECT_EQ(migrate(options_, "another").error().kind, Error::Kind::conflict);
  EXPECT_EQ(check_schema(options_, "another").error().kind, Error::Kind::conflict);
  EXPECT_EQ(Plain(options_.url).value("SELECT code_key_fingerprint FROM deployment"), fingerprint);
}

TEST_F(Schema, AnEmptyDatabaseSaysWhatToDo) {
  const auto checked = check_schema(options_, fingerprint);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, Error::Kind::not_found);
  EXPECT_NE(checked.error().message.find("openrun migrate"), std::string::npos);
  SilentLogger logger;
  const auto campaign = make_gateway_store(options_, logger)->campaign(CampaignId{1});
  ASSERT_FALSE(campaign);
  EXPECT_NE(campaign.error().message.find("openrun migrate"), std::string::npos);
}

TEST_F(Schema, AStepOfANewerBuildIsAConflict) {
  ASSERT_TRUE(migrate(options_, fingerprint));
  Plain(options_.url).rows("INSERT INTO schema_migration (name) VALUES ('9999_later')");
  EXPECT_EQ(check_schema(options_, fingerprint).error().kind, Error::Kind::conflict);
  EXPECT_EQ(migrate(options_, fingerprint).error().kind, Error::Kind::conflict);
}

TEST_F(Schema, AMissingStepIsAConflict) {
  ASSERT_TRUE(migrate(options_, fingerprint));
  Plain(options_.url).rows("DELETE FROM schema_migration");
  EXPECT_EQ(check_schema(options_, fingerprint).error().kind, Error::Kind::conflict);
}

TEST_F(Schema, AStepThatFailsLeavesNothing) {
  Plain(options_.url).rows("CREATE TABLE dispatch (other integer)");
  EXPECT_FALSE(migrate(options_, fingerprint));
  EXPECT_EQ(Plain(options_.url).value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

TEST_F(Schema, ADatabaseInAnotherEncodingIsRefused) {
  drop_database(name_);
  create_database(name_, "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  EXPECT_EQ(migrate(options_, fingerprint).error().kind, Error::Kind::invalid);
}

}  // namespace
}  // namespace openrun::postgres::test
