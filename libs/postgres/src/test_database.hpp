// What the tests against a real Postgres share: a database of this process's own (dropped at its end), a way to ask it
// in plain SQL, sample rows, and a proxy that cuts connections at a chosen byte.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/testing/quiet.hpp>
#include <openrun/postgres/postgres.hpp>

namespace openrun::postgres::test {

inline constexpr const char* fingerprint = "test-code-key";

// A second opinion: a plain connection, text results, and an assertion where something fails.
class Plain {
 public:
  explicit Plain(const std::string& url, const std::string& application = "openrun-test");
  ~Plain();
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;
  std::vector<std::vector<std::string>> rows(const std::string& sql);
  std::string value(const std::string& sql);  // the first column of the only row
  [[nodiscard]] PGconn* raw() const { return connection_; }

 private:
  PGconn* connection_;
};

// The server that OPENRUN_TEST_DATABASE_URL names, empty where it is not set.
[[nodiscard]] std::string server_url();
// The same server through another database or port, as a connection string.
[[nodiscard]] std::string url_with(const std::string& database, const std::string& port = "");
void create_database(const std::string& name, const std::string& options = "");
void drop_database(const std::string& name);

// An empty, migrated database for every test; skipped where there is no server.
class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override;
  [[nodiscard]] Options options() const;
  [[nodiscard]] std::unique_ptr<ports::CouponStore> coupon_store() { return make_coupon_store(options(), logger_); }
  Plain& database() { return *plain_; }

  ports::testing::QuietLogger logger_;
  std::string name_;

 private:
  std::unique_ptr<Plain> plain_;
};

[[nodiscard]] issuance::Campaign sample_campaign(std::uint32_t id, std::uint32_t stock = 1000,
                                                 std::uint32_t issued = 0);
[[nodiscard]] ports::CouponRow sample_coupon(CampaignId campaign, std::uint32_t sequence, Offset offset,
                                             const std::string& user);
// A batch of offsets [first, first + coupons) with one coupon each, and its campaign as it stands after them.
[[nodiscard]] ports::CommitBatch sample_batch(const ports::TakenOver& writer, issuance::Campaign& campaign,
                                              std::uint32_t coupons);

// All that a batch can write but its checkpoint, and the transaction that wrote it.
inline constexpr const char* every_row =
    "SELECT string_agg(row, ' ' ORDER BY row) FROM (SELECT xmin || c::text AS row FROM coupon AS c UNION ALL "
    "SELECT xmin || c::text FROM campaign AS c UNION ALL SELECT xmin || o::text FROM outbox AS o UNION ALL "
    "SELECT xmin || c::text FROM campaign_command AS c UNION ALL SELECT xmin || d::text FROM dead_letter AS d) AS rows";

// Waits until `condition` holds, at most ten seconds.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

// Between the adapter and the server; cuts a connection in both directions.
class CuttingProxy {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  explicit CuttingProxy(std::uint16_t server_port);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;
  [[nodiscard]] std::string port() const { return std::to_string(port_); }

  // Each cut happens once, after that many more bytes in that direction; the bytes before it still arrive.
  std::atomic<std::int64_t> to_server_left{never};
  std::atomic<std::int64_t> to_client_left{never};
  // Bytes from the server are swallowed, and the connection is cut once the server has sent some.
  std::atomic<bool> swallow_next_answer{false};
  // Every message is held for so long, in either direction; the stop ends the wait.
  std::atomic<int> delay_ms{0};
  std::atomic<std::int64_t> to_server_total{0};
  std::atomic<std::int64_t> to_client_total{0};

 private:
  void serve();
  void relay(int client);
  bool forward(int from, int to, bool to_server);

  std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int listener_;
  int stop_;
  std::jthread thread_;
};

}  // namespace openrun::postgres::test
