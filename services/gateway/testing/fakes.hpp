// The gateway's ports in memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <openrun/ports/gateway_store.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/ports/testing/clock.hpp>
#include <openrun/ports/testing/recording.hpp>

namespace openrun::gateway::testing {

using ports::testing::FakeClock;
using ports::testing::RecordingLogger;
using ports::testing::RecordingMetrics;

// Runs what was posted when the test says so, on the test's thread.
class FakeIoThread final : public ports::IoThread {
 public:
  FakeIoThread(std::size_t index, FakeClock& clock) : index_(index), clock_(clock) {}
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] std::size_t awake_connections() const override { return 0; }
  void post(std::function<void()> work) override;
  void after(std::int64_t delay_ms, std::function<void()> work) override;

  // Runs all that is posted or due, and what comes of it.
  void run();
  [[nodiscard]] std::size_t posts() const { return posts_; }
  // From now on whoever posts calls this afterwards, on its own thread. Any thread.
  void set_after_post(std::function<void()> call);

 private:
  [[nodiscard]] std::function<void()> take();

  const std::size_t index_;
  FakeClock& clock_;
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::function<void()> after_post_;
  std::multimap<std::int64_t, std::function<void()>> timed_;
  std::atomic<std::size_t> posts_{0};
};

// Collects what is written; the test says how much of it the client has not read, and whether it is still there.
class FakeStream final : public ports::HttpStream {
 public:
  void write(std::string_view piece) override;
  void finish() override { finished = true; }
  [[nodiscard]] std::size_t unsent() const override { return unsent_; }
  void when_unsent_below(std::size_t bytes, std::function<void()> ready) override;
  [[nodiscard]] bool abandoned() const override { return abandoned_; }

  // Whoever waits for it is called.
  void set_unsent(std::size_t bytes) {
    unsent_ = bytes;
    tell();
  }
  void abandon() {
    abandoned_ = true;
    tell();
  }
  // Whoever waits for it is let go of, as by a server that ends.
  void end() { watcher_ = nullptr; }

  std::string body;
  int writes = 0;
  bool finished = false;

 private:
  void tell();

  std::size_t unsent_ = 0;
  bool abandoned_ = false;
  std::size_t watched_bytes_ = 0;
  std::function<void()> watcher_;
};

class FakeReply final : public ports::HttpReply {
 public:
  FakeReply() = default;
  ~FakeReply() override {
    if (written) written->end();
  }
  FakeReply(const FakeReply&) = delete;
  FakeReply& operator=(const FakeReply&) = delete;
  void send(ports::HttpResponse response) override;
  [[nodiscard]] std::shared_ptr<ports::HttpStream> stream(ports::HttpResponse head) override;
  [[nodiscard]] bool abandoned() const override { return false; }
  std::optional<ports::HttpResponse> response;  // of a stream: its head
  // Where the answer is a stream; the handler's hold on it is `streaming`.
  std::shared_ptr<FakeStream> written;
  std::weak_ptr<ports::HttpStream> streaming;
  std::size_t unsent_at_begin = 0;  // of a stream
  int sent = 0;
};

// Results and requests as lists of records. Any thread.
class FakeLog final : public ports::Log {
 public:
  explicit FakeLog(std::int32_t partitions) : partitions_(partitions) {}

  Offset append(ports::Topic topic, Partition partition, Timestamp time, std::string value,
                ports::Headers headers = {});
  [[nodiscard]] Offset end(ports::Topic topic, Partition partition);
  // Forgets everything below `begin`, as retention does.
  void expire(ports::Topic topic, Partition partition, Offset begin);
  void set_down(bool down);
  void set_partitions(std::int32_t partitions);
  // How often a reader was opened.
  [[nodiscard]] int opened() const { return opened_; }

  [[nodiscard]] Result<std::unique_ptr<ports::LogReader>> open(ports::Topic topic, Partition partition,
                                                               Offset from) override;
  [[nodiscard]] Result<Offset> offset_at(ports::Topic topic, Partition partition, Timestamp time,
                                         std::chrono::milliseconds timeout) override;
  [[nodiscard]] Result<std::int32_t> partitions(ports::Topic topic, std::chrono::milliseconds timeout) override;

 private:
  friend class FakeLogReader;
  struct Contents {
    std::int64_t begin = 0;
    std::vector<std::pair<Timestamp, std::string>> records;  // offset by index
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<ports::Topic, Partition>, Contents> contents_;
  std::map<std::tuple<ports::Topic, Partition, Offset>, ports::Headers> headers_;  // where there are any
  std::int32_t partitions_;
  bool down_ = false;
  std::atomic<int> opened_{0};
};

// Keeps what was appended until the test acknowledges it.
class FakeAppender final : public ports::LogAppender {
 public:
  FakeAppender(OnDeliveries on_deliveries, const FakeClock& clock)
      : on_deliveries_(std::move(on_deliveries)), clock_(clock) {}

  struct Appended {
    Partition partition;
    Offset offset;  // where it stands once it is stored
    Timestamp time;
    std::string key;
    std::string value;
    std::uint64_t token = 0;
    ports::Headers headers;
  };
  [[nodiscard]] Result<void> append(Partition partition, std::string_view key, std::string_view value,
                                    const ports::Headers& headers, std::uint64_t token) override;
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override;
  bool flush(std::chrono::milliseconds) override { return open_.empty(); }

  // Reports all that is open, in one batch; returns the records stored.
  std::vector<Appended> acknowledge(ports::Delivery::Fate fate = ports::Delivery::Fate::stored);
  void refuse_with(std::optional<Error::Kind> kind) { refusal_ = kind; }
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  OnDeliveries on_deliveries_;
  const FakeClock& clock_;
  std::vector<Appended> open_;
  std::int64_t oldest_us_ = 0;
  std::map<Partition, std::int64_t> next_;
  std::optional<Error::Kind> refusal_;
};

// What is durable; the stores of all pool threads share it. Any thread.
struct FakeDatabase {
  std::mutex mutex;
  bool down = false;
  std::optional<std::size_t> holders_told_max;  // then holders() breaks off
  std::map<CampaignId, ports::StoredCampaign> campaigns;
  std::map<std::pair<CampaignId, Sequence>, ports::Coupon> coupons;
  std::map<std::pair<CampaignId, Sequence>, std::string> redeem_keys;             // of used coupons
  std::map<std::pair<Partition, Offset>, std::pair<Offset, std::string>> outbox;  // first -> last, payload
  std::map<Partition, ports::GatewayStore::Progress> progress;
  std::map<std::pair<Partition, Offset>, Offset> replays;
  std::map<std::string, ports::Reservation> reservations;
  std::uint32_t last_campaign_id = 0;              // that was reserved
  std::map<CampaignId, std::string> creators;      // the keys of the create commands that were applied
  std::map<std::int32_t, std::uint32_t> dispatch;  // -1: the default
  std::map<std::string, int> calls;                // by name of the member
};

class FakeGatewayStore final : public ports::GatewayStore {
 public:
  explicit FakeGatewayStore(FakeDatabase& database) : database_(database) {}
  [[nodiscard]] Result<std::vector<ports::StoredCampaign>> campaigns_named(std::span<const CampaignId> ids) override;
  [[nodiscard]] Result<std::vector<ports::StoredCampaign>> campaigns(CampaignId after, std::size_t limit) override;
  [[nodiscard]] Result<ports::Reservation> reserve_campaign(std::string_view key, std::int32_t partitions) override;
  [[nodiscard]] Result<std::optional<std::string>> outcome_batch(Partition partition, Offset offset) override;
  [[nodiscard]] Result<Progress> progress(Partition partition) override;
  [[nodiscard]] Result<Checkpoints> checkpoints() override;
  [[nodiscard]] Result<std::optional<Offset>> replay_of(Partition partition, Offset origin) override;
  [[nodiscard]] Result<std::optional<ports::Coupon>> coupon(CampaignId campaign, Sequence sequence) override;
  [[nodiscard]] Result<std::optional<ports::Coupon>> coupon_of(CampaignId campaign, std::string_view user,
                                                               std::string_view idempotency_key) override;
  [[nodiscard]] Result<std::vector<ports::Coupon>> coupons_of_campaign(CampaignId campaign, Sequence after,
                                                                       std::size_t limit) override;
  [[nodiscard]] Result<std::vector<ports::Coupon>> coupons_of_user(std::string_view user, std::size_t limit) override;
  [[nodiscard]] Result<std::optional<ports::RedeemedCoupon>> redeem(const ports::Redemption& redemption) override;
  [[nodiscard]] Result<void> holders(std::span<const CampaignId> campaigns, const OnHolder& each) override;
  [[nodiscard]] Result<std::vector<ports::DispatchRate>> dispatch() override;
  [[nodiscard]] Result<void> set_dispatch(const ports::DispatchRate& rate) override;

 private:
  // Counts the call; an error while the database is down.
  [[nodiscard]] Result<void> enter(const char* name);
  FakeDatabase& database_;
};

}  // namespace openrun::gateway::testing
