#include "test_database.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace openrun::postgres::test {
namespace {

std::string conninfo_value(const std::string& value) {
  std::string quoted = "'";
  for (const char byte : value) {
    if (byte == '\'' || byte == '\\') quoted += '\\';
    quoted += byte;
  }
  return quoted + "'";
}

// Dropped at the end of the process, also when tests failed.
class Databases : public ::testing::Environment {
 public:
  static std::set<std::string>& names() {
    static std::set<std::string> all;
    return all;
  }
  void TearDown() override {
    for (const std::string& name : std::set<std::string>(names())) drop_database(name);
  }
};
const auto* const databases = ::testing::AddGlobalTestEnvironment(new Databases);

}  // namespace

Plain::Plain(const std::string& url, const std::string& application) {
  const std::array keywords{"dbname", "application_name", static_cast<const char*>(nullptr)};
  const std::array values{url.c_str(), application.c_str(), static_cast<const char*>(nullptr)};
  connection_ = PQconnectdbParams(keywords.data(), values.data(), 1);
  EXPECT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
}
Plain::~Plain() {
  PQfinish(connection_);
}

std::vector<std::vector<std::string>> Plain::rows(const std::string& sql) {
  PGresult* result = PQexec(connection_, sql.c_str());
  const auto status = PQresultStatus(result);
  EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
      << sql << ": " << PQerrorMessage(connection_);
  std::vector<std::vector<std::string>> all;
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& columns = all.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) columns.emplace_back(PQgetvalue(result, row, column));
  }
  PQclear(result);
  return all;
}

std::string Plain::value(const std::string& sql) {
  const auto all = rows(sql);
  EXPECT_EQ(all.size(), 1U) << sql;
  return all.size() == 1 ? all[0].at(0) : "";
}

std::string server_url() {
  const char* url = std::getenv("OPENRUN_TEST_DATABASE_URL");
  return url == nullptr ? "" : url;
}

std::string url_with(const std::string& database, const std::string& port) {
  PQconninfoOption* parsed = PQconninfoParse(server_url().c_str(), nullptr);
  EXPECT_NE(parsed, nullptr) << "OPENRUN_TEST_DATABASE_URL is no connection string";
  std::string url;
  for (const PQconninfoOption* option = parsed; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string keyword = option->keyword;
    if (keyword == "dbname" || (keyword == "port" && !port.empty())) continue;
    url += keyword + "=" + conninfo_value(option->val) + " ";
  }
  PQconninfoFree(parsed);
  if (!port.empty()) url += "port=" + port + " ";
  return url + "dbname=" + conninfo_value(database);
}

void create_database(const std::string& name, const std::string& options) {
  Plain server(server_url());
  server.rows("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
  server.rows("CREATE DATABASE " + name + " " + options);
  Databases::names().insert(name);
}

void drop_database(const std::string& name) {
  Plain(server_url()).rows("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
  Databases::names().erase(name);
}

void PostgresTest::SetUp() {
  if (server_url().empty()) GTEST_SKIP() << "OPENRUN_TEST_DATABASE_URL names no server";
  name_ = "openrun_test_" + std::to_string(::getpid());
  if (!Databases::names().contains(name_)) {
    create_database(name_);
    const auto migrated = migrate(options(), fingerprint);
    ASSERT_TRUE(migrated) << migrated.error().message;
  }
  plain_ = std::make_unique<Plain>(url_with(name_));
  plain_->rows(
      "TRUNCATE partition_checkpoint, campaign, coupon, campaign_command, campaign_reservation, outbox, "
      "relay_progress, "
      "audit_result, dead_letter, dead_letter_acceptance, dead_letter_action, dead_letter_replay, dispatch RESTART "
      "IDENTITY");
}

Options PostgresTest::options() const {
  Options options;
  options.url = url_with(name_);
  return options;
}

namespace {
constexpr Offset not_stored{std::numeric_limits<std::int64_t>::max()};
}  // namespace

issuance::Campaign sample_campaign(std::uint32_t id, std::uint32_t stock, std::uint32_t issued) {
  issuance::Campaign campaign;
  campaign.id = CampaignId{id};
  campaign.terms.name = "campaign " + std::to_string(id);
  campaign.terms.description = "선착순 쿠폰";
  campaign.terms.stock = stock;
  campaign.terms.starts_at = Timestamp{1'700'000'000'123};
  campaign.issued = issued;
  campaign.created_at = Timestamp{1'699'999'000'001};
  campaign.updated_at = Timestamp{1'699'999'000'002};
  campaign.terms_offset = not_stored;
  return campaign;
}

ports::CouponRow sample_coupon(CampaignId campaign, std::uint32_t sequence, Offset offset, const std::string& user) {
  ports::CouponRow coupon;
  coupon.campaign = campaign;
  coupon.sequence = Sequence{sequence};
  coupon.user = user;
  coupon.code = "code-" + std::to_string(sequence);
  coupon.issued_at = Timestamp{1'700'000'001'000 + sequence};
  coupon.request_offset = offset;
  coupon.request_nonce = 0U - sequence;
  return coupon;
}

ports::CommitBatch sample_batch(const ports::TakenOver& writer, issuance::Campaign& campaign, std::uint32_t coupons) {
  ports::CommitBatch batch;
  batch.partition = writer.snapshot.partition;
  batch.epoch = writer.epoch;
  batch.expected_next_offset = writer.snapshot.next_offset;
  batch.next_offset = writer.snapshot.next_offset + std::max<std::int64_t>(coupons, 1);
  batch.log_time = Timestamp{1'700'000'002'345};
  batch.fingerprint = 0xfedc'ba98'7654'3210;
  batch.payload = "payload of " + std::to_string(batch.expected_next_offset.value);
  for (std::uint32_t i = 0; i < coupons; ++i) {
    const std::uint32_t sequence = ++campaign.issued;
    batch.coupons.push_back(
        sample_coupon(campaign.id, sequence, batch.expected_next_offset + i,
                      "user-" + std::to_string(campaign.id.value) + "-" + std::to_string(sequence)));
  }
  // Its first batch holds the command that made it.
  if (campaign.terms_offset == not_stored) campaign.terms_offset = batch.expected_next_offset;
  batch.campaigns.push_back(campaign);
  batch.digests.push_back({0xD1, static_cast<std::uint8_t>(campaign.issued)});
  return batch;
}

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return condition();
}

// ---- CuttingProxy ----

CuttingProxy::CuttingProxy(std::uint16_t server_port)
    : server_port_(server_port), listener_(::socket(AF_INET, SOCK_STREAM, 0)), stop_(eventfd(0, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(listener_, 16), 0);
  socklen_t length = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this] { serve(); });
}

CuttingProxy::~CuttingProxy() {
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(stop_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  thread_.join();
  ::close(listener_);
  ::close(stop_);
}

// One connection after the other: a store has one at a time.
void CuttingProxy::serve() {
  for (;;) {
    std::array<pollfd, 2> wanted{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
    ::poll(wanted.data(), wanted.size(), -1);
    if (wanted[1].revents != 0) return;
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) continue;
    relay(client);
    ::close(client);
  }
}

void CuttingProxy::relay(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server_port_);
  bool open = ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  while (open) {
    std::array<pollfd, 3> wanted{{{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_, POLLIN, 0}}};
    ::poll(wanted.data(), wanted.size(), -1);
    if (wanted[2].revents != 0) break;
    if (wanted[0].revents != 0) open = forward(client, server, true);
    if (open && wanted[1].revents != 0) open = forward(server, client, false);
  }
  ::close(server);
}

bool CuttingProxy::forward(int from, int to, bool to_server) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  if (!to_server && swallow_next_answer.exchange(false)) return false;
  pollfd stop{stop_, POLLIN, 0};
  if (delay_ms > 0 && ::poll(&stop, 1, delay_ms) != 0) return false;
  std::atomic<std::int64_t>& left = to_server ? to_server_left : to_client_left;
  std::int64_t allowed = got;
  const bool cut = left != never && left <= got;
  if (cut) {
    allowed = left;
    left = never;
  } else if (left != never) {
    left -= got;
  }
  (to_server ? to_server_total : to_client_total) += allowed;
  if (allowed > 0 && ::send(to, buffer.data(), static_cast<std::size_t>(allowed), MSG_NOSIGNAL) != allowed)
    return false;
  return !cut;
}

}  // namespace openrun::postgres::test
