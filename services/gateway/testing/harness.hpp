// A whole gateway over fakes, with a small issuer behind it that decides by the production rules.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/receipt.hpp>
#include <openrun/issuance/machine.hpp>
#include <openrun/wire/json.hpp>

#include "dlq/testing/dead_letters.hpp"
#include "gateway/gateway.hpp"
#include "gateway/testing/fakes.hpp"

namespace openrun::gateway::testing {

// The keys of every test.
[[nodiscard]] const crypto::ReceiptSigner& test_signer();
[[nodiscard]] const crypto::CouponCodes& test_codes();
[[nodiscard]] const crypto::UserHash& test_user_hash();

// Decides stored records, commits them to the database, and tells the batch. One thread.
class SmallIssuer {
 public:
  explicit SmallIssuer(FakeDatabase& database) : database_(database) {}
  // Requests of these users become dead letters.
  void poison(const std::string& user) { poisoned_.insert(user); }
  // All records must be of one partition, in order. Returns the payload of the batch.
  std::string decide(const std::vector<FakeAppender::Appended>& records);
  // A replay of the record at `origin`, as the operator's tool would append it at `record.offset`.
  std::string replay(const FakeAppender::Appended& origin, Offset at, Timestamp time);

 private:
  void commit(Partition partition, const std::vector<issuance::Input>& inputs, const std::vector<std::uint32_t>& nonces,
              std::string& payload);
  void store_coupon(const issuance::Input& input, const issuance::Decision& decision,
                    const issuance::Campaign& campaign);

  FakeDatabase& database_;
  std::set<std::string> poisoned_;
  std::map<Partition, issuance::Machine> machines_;
  std::map<std::pair<Partition, Offset>, TraceContext> traces_;  // of the records that were decided
};

struct Answer {
  std::shared_ptr<FakeReply> reply;
  [[nodiscard]] bool arrived() const { return reply && reply->response.has_value(); }
  [[nodiscard]] unsigned status() const { return arrived() ? reply->response->status : 0; }
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] std::string body() const { return arrived() ? reply->response->body : std::string(); }
  // Of a streamed answer: what was written so far, and whether the handler ended it, or dropped it before.
  [[nodiscard]] std::string streamed() const { return reply && reply->written ? reply->written->body : std::string(); }
  [[nodiscard]] bool ended() const { return reply && reply->written && reply->written->finished; }
  [[nodiscard]] bool broken() const { return arrived() && reply->written && !ended() && reply->streaming.expired(); }
  // A member of the body, by path such as coupon.sequence: text as it is, numbers in decimal, "null", "" where it is
  // not there.
  [[nodiscard]] std::string field(std::string_view path) const;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;
inline const HeaderList admin{{"Authorization", "Bearer secret-token"}, {"Content-Type", "application/json"}};
inline const HeaderList json{{"Content-Type", "application/json"}};
[[nodiscard]] HeaderList with(HeaderList headers, std::string name, std::string value);

class Harness {
 public:
  explicit Harness(Settings settings = test_settings(), std::size_t io_threads = 1, std::int32_t partitions = 1);
  ~Harness();
  [[nodiscard]] static Settings test_settings();

  // A new gateway over the same log and database, which has read no results yet; nothing may be under way.
  void begin_again();
  // The same, and waits until it has read them, and found the store to hold them.
  void restart();

  // Hands the request over; the answer may come later.
  Answer send(ports::HttpMethod method, const std::string& target, const std::string& body = "",
              const HeaderList& headers = {}, std::size_t thread = 0);
  // The same, and runs the gateway until the answer is there, at most ten seconds.
  Answer ask(ports::HttpMethod method, const std::string& target, const std::string& body = "",
             const HeaderList& headers = {}, std::size_t thread = 0);
  // The same with the log and the issuer at work until the answer is there.
  Answer serve(ports::HttpMethod method, const std::string& target, const std::string& body = "",
               const HeaderList& headers = {});

  // The log acknowledges all that is open. The issuer has not seen it yet.
  void acknowledge();
  // The issuer decides all that is acknowledged; results are published, or lost.
  void decide(bool publish = true);
  void publish(Partition partition, const std::string& payload);
  // Runs posted and due work until the condition holds; false after ten seconds.
  bool until(const std::function<bool()>& condition);
  // Moves the clock on and runs what is due.
  void advance_ms(std::int64_t ms);
  // All published results have been read.
  bool settled();

  // Creates a campaign that is open now (or starts in `starts_in_ms`); returns its id.
  std::uint32_t create_campaign(std::int64_t stock, const std::string& policy = "{}",
                                std::int64_t starts_in_ms = -1'000);
  Answer request(std::uint32_t campaign, const std::string& user, const HeaderList& headers = json,
                 std::size_t thread = 0);
  // A waited request, decided.
  Answer serve_request(std::uint32_t campaign, const std::string& user, const HeaderList& headers = json);

  FakeClock clock;
  RecordingLogger logger;
  RecordingMetrics metrics;
  FakeLog log;
  FakeDatabase database;
  SmallIssuer issuer{database};
  std::vector<std::unique_ptr<FakeIoThread>> io;
  std::size_t unsent_of_streams = 0;  // that begin from now on: how much their clients leave unread
  std::string store_trouble;          // as the store's adapter tells it
  std::string log_trouble;            // and the log's
  std::string remote_address = "127.0.0.1";
  bool is_overdue = false;      // requests from now on stood in line for too long
  ports::WatchedStore watched;  // as the store tells those who watch, while it is up
  openrun::testing::FakeDeadLetterStore dead_letters;
  std::vector<std::string> replayed;     // what was appended by replays
  std::string token_keys;                // the text of the JWK set; empty: the file can't be read
  ports::SpanSink* span_sink = nullptr;  // of the next gateway; see restart()
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<FakeAppender> appender;
  std::map<Partition, std::vector<FakeAppender::Appended>> undecided;

 private:
  const Settings settings_;
  const std::int32_t partitions_;
  ports::HttpHandler handler_;
};

}  // namespace openrun::gateway::testing
