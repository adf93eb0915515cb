#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/recording.hpp>
#include <openrun/postgres/health.hpp>

#include "watch.hpp"

namespace openrun::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class HealthTest : public ::testing::Test {
 protected:
  void fails(Trouble trouble, Health::Call call = {}) { health_.failed(trouble, "what Postgres said", call, now_); }
  void answers(Health::Call call = {}) { health_.answered(call, now_); }
  [[nodiscard]] std::string trouble(bool with_slow = true) { return health_.trouble(now_, with_slow); }
  [[nodiscard]] double gauge(const std::string& cause) const {
    return metrics_.value("openrun_store_trouble", {{"cause", cause}});
  }

  ports::testing::RecordingLogger log_;
  ports::testing::RecordingMetrics metrics_;
  Health health_{log_, metrics_};
  Health::Clock::time_point now_{seconds(1'000)};
};

TEST_F(HealthTest, EveryTroubleHasItsGaugeFromTheStart) {
  EXPECT_EQ(metrics_.series("openrun_store_trouble"), troubles);
  EXPECT_EQ(gauge("DISK_FULL"), 0);
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, SaysWhatIsWrongOnceAndWhenItIsOver) {
  fails(Trouble::unreachable);
  fails(Trouble::unreachable);
  EXPECT_THAT(log_.lines(),
              ElementsAre("warning Postgres does not serve as it should cause=UNREACHABLE detail=Postgres cannot be "
                          "reached error=what Postgres said runbook=docs/runbooks/slow-store.md"));
  EXPECT_EQ(gauge("UNREACHABLE"), 1);
  EXPECT_EQ(trouble(), "Postgres cannot be reached");
  answers();
  EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("UNREACHABLE"), "info Postgres serves again"));
  EXPECT_EQ(gauge("UNREACHABLE"), 0);
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, OnlyAWriteShowsThatThereIsRoomAgain) {
  fails(Trouble::disk_full, {.writes = true});
  answers();
  EXPECT_EQ(trouble(), "Postgres's disk is full (53100)");
  answers({.writes = true});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, OnlyANewConnectionShowsThatThereAreConnectionsAgain) {
  fails(Trouble::connections_exhausted);
  answers({.writes = true});
  EXPECT_THAT(trouble(), HasSubstr("too many clients (53300)"));
  answers({.connected = true});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, AWriteThatTimedOutIsNotMadeGoodByARead) {
  fails(Trouble::timed_out, {.writes = true, .took = milliseconds(5'040)});
  answers();
  EXPECT_EQ(trouble(), "Postgres did not answer in time: a call was given up after 5.0 s");
  answers({.writes = true});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, ASlowCallIsToldWithItsTimeButStopsNothing) {
  answers({.writes = true, .took = milliseconds(2'340)});
  EXPECT_EQ(trouble(), "Postgres is slow: a call took 2.3 s");
  EXPECT_EQ(trouble(false), "");
  EXPECT_EQ(gauge("SLOW"), 1);
  answers({.writes = true, .took = milliseconds(20)});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, ALockThatSomebodyElseHoldsIsToldByItsNameButStopsNothing) {
  fails(Trouble::locked, {.writes = true});
  EXPECT_EQ(trouble(), "Postgres: somebody else holds a lock that is needed (55P03)");
  EXPECT_EQ(trouble(false), "");
  EXPECT_EQ(gauge("LOCKED"), 1);
  answers();
  EXPECT_EQ(gauge("LOCKED"), 1) << "a read shows nothing about a write";
  answers({.writes = true});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, OnlyANewConnectionShowsThatPasswordAndCertificateAreAccepted) {
  fails(Trouble::unauthenticated);
  fails(Trouble::untrusted, {.writes = true});
  answers({.writes = true});
  EXPECT_THAT(trouble(), HasSubstr("postgres.password_file"));
  EXPECT_THAT(trouble(), HasSubstr("sslrootcert"));
  answers({.connected = true});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, AReadOfMuchIsNotSlow) {
  answers({.may_take_long = true, .took = seconds(20)});
  EXPECT_EQ(trouble(), "");
}

TEST_F(HealthTest, ATroubleThatIsNotMetAgainIsForgotten) {
  fails(Trouble::disk_full, {.writes = true});
  now_ += Health::forgotten_after;
  EXPECT_EQ(trouble(), "");
  EXPECT_EQ(gauge("DISK_FULL"), 0);
  EXPECT_THAT(log_.lines(), SizeIs(1)) << "that it serves again is shown by an answer alone";
  answers();
  EXPECT_THAT(log_.lines(), SizeIs(2));
}

TEST_F(HealthTest, ATroubleThatComesAndGoesIsToldSeldom) {
  for (int i = 0; i < 10; ++i) {
    fails(Trouble::timed_out);
    answers();
    now_ += seconds(1);
  }
  // Once each way, and not again within half a minute.
  EXPECT_THAT(log_.lines(), SizeIs(2));
}

TEST(TroubleOf, NamesTheCauseByTheServersOwnCode) {
  const auto of = [](Failure::Cause cause, const char* sqlstate) { return trouble_of({cause, sqlstate, ""}); };
  using Cause = Failure::Cause;
  EXPECT_EQ(of(Cause::lost, "53300"), Trouble::connections_exhausted);
  EXPECT_EQ(of(Cause::statement, "53100"), Trouble::disk_full);
  EXPECT_EQ(of(Cause::ended, "53100"), Trouble::disk_full);
  EXPECT_EQ(of(Cause::statement, "25006"), Trouble::read_only);
  EXPECT_EQ(of(Cause::statement, "57014"), Trouble::timed_out);
  EXPECT_EQ(of(Cause::timed_out, ""), Trouble::timed_out);
  EXPECT_EQ(of(Cause::lost, "57P03"), Trouble::starting);
  EXPECT_EQ(of(Cause::lost, ""), Trouble::unreachable);
  EXPECT_EQ(of(Cause::statement, "58030"), Trouble::failing);
  EXPECT_EQ(of(Cause::statement, "55P03"), Trouble::locked);
  EXPECT_EQ(of(Cause::unauthenticated, "28P01"), Trouble::unauthenticated);
  EXPECT_EQ(of(Cause::untrusted, ""), Trouble::untrusted);
}

TEST(TroubleOf, IsNoneForTheFaultOfARecordForRacesAndForACancelledCall) {
  for (const char* sqlstate : {"22021", "23505", "40001", "OR001", "42P01"}) {
    EXPECT_EQ(trouble_of({Failure::Cause::statement, sqlstate, ""}), std::nullopt) << sqlstate;
  }
  EXPECT_EQ(trouble_of({Failure::Cause::interrupted, "", ""}), std::nullopt);
  EXPECT_EQ(trouble_of({Failure::Cause::unusable, "", ""}), std::nullopt);
}

}  // namespace
}  // namespace openrun::postgres
