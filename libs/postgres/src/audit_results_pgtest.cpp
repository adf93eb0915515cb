// What audits found, kept and told.
#include <openrun/postgres/operations_store.hpp>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ports::AuditKind;

class AuditResultsTest : public PostgresTest {
 protected:
  static ports::AuditResult result(AuditKind kind, std::uint64_t found) {
    ports::AuditResult one;
    one.kind = kind;
    one.done_by = "kim@host";
    one.took_ms = 1'500;
    one.partitions = 4;
    one.campaigns = 7;
    one.coupons = 1'000;
    one.found = found;
    for (std::uint64_t i = 0; i < found; ++i)
      one.findings.push_back({"issued_is_coupons", "campaign " + std::to_string(i)});
    return one;
  }
  void keep(const ports::AuditResult& one) {
    const auto kept = make_audit_results(options(), logger_)->keep(one);
    EXPECT_TRUE(kept.has_value()) << kept.error().message;
  }
  std::vector<ports::AuditResult> told() {
    auto watched = make_operations_store(options(), logger_)->watch();
    EXPECT_TRUE(watched.has_value()) << watched.error().message;
    return watched.value_or(ports::WatchedStore{}).audits;
  }
};

TEST_F(AuditResultsTest, WithoutAnAuditNothingIsTold) {
  EXPECT_TRUE(told().empty());
}

TEST_F(AuditResultsTest, TheNewestOfEachKindIsToldWhole) {
  keep(result(AuditKind::audit, 0));
  keep(result(AuditKind::reconciler, 0));
  ports::AuditResult newest = result(AuditKind::audit, 2);
  newest.not_checked = 3;
  keep(newest);
  const auto audits = told();
  ASSERT_EQ(audits.size(), 2U);
  EXPECT_EQ(audits[1].kind, AuditKind::reconciler);
  const ports::AuditResult& one = audits[0];
  EXPECT_EQ(one.kind, AuditKind::audit);
  EXPECT_EQ(one.done_by, "kim@host");
  EXPECT_EQ(one.took_ms, 1'500);
  EXPECT_EQ(one.partitions, 4U);
  EXPECT_EQ(one.campaigns, 7U);
  EXPECT_EQ(one.coupons, 1'000U);
  EXPECT_EQ(one.found, 2U);
  EXPECT_EQ(one.not_checked, 3U);
  ASSERT_EQ(one.findings.size(), 2U);
  EXPECT_EQ(one.findings[1].invariant, "issued_is_coupons");
  EXPECT_EQ(one.findings[1].text, "campaign 1");
  EXPECT_GT(one.ended_at.value, 0);
}

TEST_F(AuditResultsTest, OnlyTheNewestOfAKindAreKept) {
  database().rows(
      "INSERT INTO audit_result (kind, done_by, took_ms, partitions, campaigns, coupons, found, not_checked, findings) "
      "SELECT kind, 'x', 1, 1, 1, 1, n, 0, '{}' FROM generate_series(1, 150) AS n, (VALUES ('audit'), ('reconciler')) "
      "AS k (kind)");
  keep(result(AuditKind::audit, 7));
  EXPECT_EQ(database().value("SELECT count(*) FROM audit_result WHERE kind = 'audit'"), "100");
  EXPECT_EQ(database().value("SELECT count(*) FROM audit_result WHERE kind = 'reconciler'"), "150");
  EXPECT_EQ(database().value("SELECT found FROM audit_result WHERE kind = 'audit' ORDER BY id DESC LIMIT 1"), "7");
}

TEST_F(AuditResultsTest, FindingsAreCutToTheirBoundAndNeverRefused) {
  ports::AuditResult many = result(AuditKind::deep_audit, 30);
  many.findings[0].text = std::string(499, 'x') + "한";  // 502 bytes: the bound falls inside the last symbol
  many.findings[1].text = std::string("a\0b", 3);
  many.findings[2].text = "\xff\xfe is no text";
  keep(many);
  const auto audits = told();
  ASSERT_EQ(audits.size(), 1U);
  EXPECT_EQ(audits[0].found, 30U);
  ASSERT_EQ(audits[0].findings.size(), ports::audit_findings_max);
  EXPECT_EQ(audits[0].findings[0].text, std::string(499, 'x'));
  EXPECT_EQ(audits[0].findings[1].text, "a?b");
  EXPECT_EQ(audits[0].findings[2].text, "?? is no text");
}

}  // namespace
}  // namespace openrun::postgres::test
