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
  ports::testing::QuietLogger logger;
  const CampaignId one[] = {CampaignId{1}};
  const auto campaign = make_gateway_store(options_, logger)->campaigns_named(one);
  ASSERT_FALSE(campaign);
  EXPECT_NE(campaign.error().message.find("openrun migrate"), std::string::npos);
}

TEST_F(Schema, AStepOfANewerBuildIsRefusedAndNotTakenForAMissingOne) {
  ASSERT_TRUE(migrate(options_, fingerprint));
  Plain(options_.url).rows("INSERT INTO schema_migration (name) VALUES ('9999_later')");
  EXPECT_EQ(check_schema(options_, fingerprint).error().kind, Error::Kind::invalid);
  EXPECT_EQ(migrate(options_, fingerprint).error().kind, Error::Kind::conflict);
}

TEST_F(Schema, ABuildRunsBesideALaterStepThatAllowsItButMigratesNothingThere) {
  ASSERT_TRUE(migrate(options_, fingerprint));
  const std::string newest(schema_steps().back().name);
  Plain database(options_.url);
  database.rows("INSERT INTO schema_migration (name, runs_beside) VALUES ('9998_later', '" + newest + "')");
  EXPECT_TRUE(check_schema(options_, fingerprint));
  const auto older = migrate(options_, fingerprint);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, Error::Kind::conflict);
  EXPECT_NE(older.error().message.find("9998_later"), std::string::npos);
  // One that allows it does not stand for another that does not.
  database.rows("INSERT INTO schema_migration (name, runs_beside) VALUES ('9999_latest', '9998_later')");
  const auto checked = check_schema(options_, fingerprint);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("9999_latest, beside which only builds that know 9998_later"),
            std::string::npos);
}

TEST_F(Schema, ASchemaThatAnOlderBuildHasMadeIsReadWithoutTheColumn) {
  ASSERT_TRUE(migrate(options_, fingerprint));
  Plain database(options_.url);
  database.rows("ALTER TABLE schema_migration DROP COLUMN runs_beside");
  EXPECT_TRUE(check_schema(options_, fingerprint));
  EXPECT_TRUE(migrate(options_, fingerprint));
  database.rows("ALTER TABLE schema_migration DROP COLUMN IF EXISTS runs_beside");
  database.rows("INSERT INTO schema_migration (name) VALUES ('9999_later')");
  EXPECT_FALSE(check_schema(options_, fingerprint));
}

TEST_F(Schema, AStepAllowsOnlyTheBuildsThatItsFirstLineNames) {
  EXPECT_EQ(runs_beside({"0009_new", "-- runs-beside: 0008_old\nSELECT 1;"}), "0008_old");
  EXPECT_EQ(runs_beside({"0009_new", "SELECT 1; -- runs-beside: 0008_old\n"}), "0009_new");
  for (const SchemaStep& step : schema_steps()) EXPECT_LE(runs_beside(step), step.name);
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
