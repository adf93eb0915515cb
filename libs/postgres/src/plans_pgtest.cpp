// The plans that the server keeps for a connection's prepared statements.
#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include "connection.hpp"
#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

const Statement find_number{"find_number", "SELECT value FROM number WHERE id = $1"};
const Statement plan_of_it{"plan_of_it", "EXPLAIN EXECUTE find_number(1)"};

class Plans : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    database().rows("CREATE TABLE number (id integer PRIMARY KEY, value bigint) WITH (autovacuum_enabled = off)");
    database().rows("INSERT INTO number VALUES (1, 1); ANALYZE number");
    auto opened = Connection::open(options(), "openrun-plans", interrupt_);
    ASSERT_TRUE(opened) << opened.error().message;
    connection_ = std::move(*opened);
  }
  void TearDown() override {
    if (connection_) database().rows("DROP TABLE number");
    PostgresTest::TearDown();
  }
  void ask(int times) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(connection_->query(find_number, Parameters().int4(1)));
  }
  std::string plan() {
    const auto rows = connection_->query(plan_of_it);
    return rows ? rows->at(0, 0).string() : rows.error().message;
  }
  void use_while_small_then_grow() {
    ask(10);  // the server plans the first five for their values, and keeps the plan that it makes then
    EXPECT_THAT(plan(), StartsWith("Seq Scan"));
    database().rows("INSERT INTO number SELECT n, n FROM generate_series(2, 100000) AS n");
    EXPECT_THAT(plan(), StartsWith("Seq Scan"));
  }
  bool finds_by_index_in_time() {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!plan().starts_with("Index Scan")) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      ask(10);
    }
    return true;
  }

  Interrupt interrupt_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(Plans, OneThatWasMadeWhileATableWasSmallIsNotKept) {
  use_while_small_then_grow();
  EXPECT_TRUE(finds_by_index_in_time()) << plan();
}

TEST_F(Plans, AreMadeAnewWithinATransactionToo) {
  use_while_small_then_grow();
  ASSERT_TRUE(connection_->execute("BEGIN"));
  EXPECT_TRUE(finds_by_index_in_time()) << plan();
  ASSERT_TRUE(connection_->execute("COMMIT"));
}

}  // namespace
}  // namespace openrun::postgres::test
