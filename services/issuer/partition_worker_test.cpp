// The shell with its real threads, against fakes. Waits are for events, with deadlines.
#include "issuer/partition_worker.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include <gtest/gtest.h>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/ports/testing/recording.hpp>
#include <openrun/runtime/runtime.hpp>
#include <openrun/wire/result_batch.hpp>

#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using State = LoopStatus::State;
constexpr ports::Topic requests = ports::Topic::requests;

constexpr std::array<std::uint8_t, 32> code_key{1, 2, 3};
constexpr std::array<std::uint8_t, 16> hash_key{4, 5, 6};

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(10);
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = soon();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// A store whose commits wait until the test lets them go.
class GatedStore final : public ports::CouponStore {
 public:
  explicit GatedStore(FakeDatabase& database) : store_(database) {}
  Result<ports::TakenOver> take_over(Partition p) override { return store_.take_over(p); }
  Result<ports::TakenOver> rebuild(Partition p, Epoch e) override { return store_.rebuild(p, e); }
  Result<std::vector<issuance::CampaignDetail>> load_details(std::span<const CampaignId> c, std::uint64_t s) override {
    return store_.load_details(c, s);
  }
  ports::CommitAnswer commit(const ports::CommitBatch& batch) override {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return open || cancelled; });
    --waiting;
    if (cancelled) return {ports::CommitOutcome::in_doubt, "cancelled"};
    return store_.commit(batch);
  }
  ports::CommitAnswer probe(const ports::CommitBatch& batch) override { return store_.probe(batch); }
  Result<std::uint32_t> dispatch_per_second(Partition p) override { return store_.dispatch_per_second(p); }
  Result<bool> dead_letters_accepted(Partition p, Offset a, Offset b) override {
    return store_.dead_letters_accepted(p, a, b);
  }
  void cancel() override {
    const std::lock_guard lock(mutex);
    cancelled = true;
    changed.notify_all();
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  bool wait_for_commit() {
    std::unique_lock lock(mutex);
    return changed.wait_until(lock, soon(), [&] { return waiting > 0; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool open = false;
  bool cancelled = false;

 private:
  FakeStore store_;
};

// What was told, in order.
class FakeBroadcaster final : public ports::Broadcaster {
 public:
  void send(std::string_view message) override {
    const std::lock_guard lock(mutex_);
    told_.emplace_back(message);
  }
  [[nodiscard]] const std::string& invitation() const override { return invitation_; }
  [[nodiscard]] std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  const std::string invitation_ = "come";
  mutable std::mutex mutex_;
  std::vector<std::string> told_;
};

class PartitionWorkerTest : public ::testing::Test {
 protected:
  std::unique_ptr<PartitionWorker> start() { return start(std::make_unique<FakeStore>(database_)); }
  std::unique_ptr<PartitionWorker> start(std::unique_ptr<ports::CouponStore> store,
                                         ports::Broadcaster* stream = nullptr) {
    return std::make_unique<PartitionWorker>(
        test_partition, WorkerParts{log_, results_, clock_, logger_, metrics_, codes_, user_hash_, nullptr, stream},
        std::move(store), LoopSettings{.retry_ms_min = 1, .retry_ms_max = 5});
  }
  void append(std::string value, ports::Headers headers = {}) {
    log_.append(requests, test_partition, clock_.now(), std::move(value), std::move(headers));
  }
  bool decided(std::int64_t next_offset) { return database_.wait_for_next_offset(test_partition, Offset{next_offset}); }
  double metric(const char* name, const ports::Metrics::Labels& labels = {}) { return metrics_.value(name, labels); }

  FakeLog log_;
  FakeDatabase database_;
  FakeAppender results_{log_, ports::Topic::results};
  runtime::SystemClock clock_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  crypto::CouponCodes codes_{code_key};
  crypto::UserHash user_hash_{hash_key};
};

TEST_F(PartitionWorkerTest, DecidesCommitsWithCodesAndPublishes) {
  auto worker = start();
  append(create(1, 10));
  append(request(1, "ann"));
  ASSERT_TRUE(decided(2));
  // The last that a step shows.
  ASSERT_TRUE(eventually([&] { return metric("openrun_issuer_next_offset", {{"partition", "3"}}) == 2; }));
  EXPECT_EQ(metric("openrun_decisions_total", {{"outcome", "ISSUED"}}), 1);
  const auto state = database_.state(test_partition);
  const ports::CouponRow& row = state.coupons.begin()->second;
  EXPECT_EQ(codes_.decode(row.code), (crypto::CouponKey{CampaignId{1}, Sequence{1}}));
  const auto published = log_.records(ports::Topic::results, test_partition);
  ASSERT_EQ(published.size(), state.outbox.size());
  EXPECT_EQ(published.back().value, state.outbox.rbegin()->second);
  EXPECT_EQ(metric("openrun_takeovers_total"), 1);
  EXPECT_EQ(metric("openrun_issuer_owned", {{"partition", "3"}}), 1);
}

TEST_F(PartitionWorkerTest, TellsListenersWhatItPublishesAndInvitesToThemThere) {
  FakeBroadcaster stream;
  auto worker = start(std::make_unique<FakeStore>(database_), &stream);
  append(create(1, 10));
  append(request(1, "ann"));
  ASSERT_TRUE(decided(2));
  ASSERT_TRUE(eventually([&] { return metric("openrun_issuer_next_offset", {{"partition", "3"}}) == 2; }));
  std::vector<std::string> published;
  for (const FakeLog::Stored& record : log_.records(ports::Topic::results, test_partition)) {
    EXPECT_EQ(ports::header(record.headers, ports::invitation_name), "come");
    published.push_back(record.value);
  }
  EXPECT_FALSE(published.empty());
  EXPECT_EQ(stream.told(), published);
}

// Nobody may hear of what could still be rolled back.
TEST_F(PartitionWorkerTest, TellsListenersNothingBeforeItIsCommitted) {
  FakeBroadcaster stream;
  auto gated = std::make_unique<GatedStore>(database_);
  GatedStore& store = *gated;
  auto worker = start(std::move(gated), &stream);
  append(create(1, 10));
  ASSERT_TRUE(store.wait_for_commit());
  EXPECT_TRUE(stream.told().empty());
  store.let_go();
  EXPECT_TRUE(eventually([&] { return stream.told().size() == 1; }));
}

const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::vector<std::string> its_trace_id{"4bf92f3577b34da6a3ce929d0e0e4736"};

TEST_F(PartitionWorkerTest, ARequestsTraceStandsInItsResultAndInTheLinesAboutIt) {
  auto worker = start();
  append(create(1, 10));
  append(request(1, "ann"), {{traceparent_name, traceparent}});
  append(request(1, "bob"), {{traceparent_name, "no trace"}});
  append("no record at all", {{traceparent_name, traceparent}});
  ASSERT_TRUE(decided(4));
  ASSERT_TRUE(eventually([&] { return logger_.count("a record became a dead letter") == 1; }));
  EXPECT_EQ(logger_.trace_ids("a record became a dead letter"), its_trace_id);
  ASSERT_TRUE(eventually([&] { return logger_.trace_ids("request decided and committed").size() == 2; }));
  std::vector<Offset> traced;
  for (const auto& [first, payload] : database_.state(test_partition).outbox) {
    const auto batch = wire::decode_result_batch(payload);
    ASSERT_TRUE(batch);
    for (const wire::TracedEntry& entry : batch->traces) {
      traced.push_back(entry.offset);
      EXPECT_EQ(to_traceparent(entry.trace), traceparent);
    }
  }
  EXPECT_EQ(traced, (std::vector{Offset{1}, Offset{3}}));
}

TEST_F(PartitionWorkerTest, ManyDeadLettersOfABatchAreNotALineEach) {
  database_.set_down(true);
  auto worker = start();
  append(create(1, 10));
  for (int i = 0; i < 30; ++i) append(request(1, "user" + std::to_string(i)));
  for (int i = 0; i < 20; ++i) append("no record at all");
  database_.set_down(false);
  ASSERT_TRUE(decided(51));
  ASSERT_TRUE(eventually([&] { return metric("openrun_issuer_next_offset", {{"partition", "3"}}) == 51; }));
  std::size_t lines = 0;
  for (const auto& [first, payload] : database_.state(test_partition).outbox) {
    const auto batch = wire::decode_result_batch(payload);
    ASSERT_TRUE(batch);
    lines +=
        std::min<std::size_t>(10, static_cast<std::size_t>(std::ranges::count(
                                      batch->entries, issuance::Outcome::dead_lettered, &wire::OutcomeEntry::outcome)));
  }
  EXPECT_EQ(logger_.count("a record became a dead letter"), lines);
}

TEST_F(PartitionWorkerTest, ItsDigestsGoOnAfterARestartAndStandInTheResultsToo) {
  auto worker = start();
  append(create(1, 10));
  append(request(1, "ann"));
  ASSERT_TRUE(decided(2));
  worker = nullptr;
  worker = start();
  append(request(1, "bob"));
  ASSERT_TRUE(decided(3));
  const auto state = database_.state(test_partition);
  Digest expected = crypto::chain_start(CampaignId{1});
  for (const auto& [key, row] : state.coupons) {
    expected = crypto::chain_next(expected, {row.sequence, test_partition, row.request_offset, row.issued_at,
                                             row.valid_until, row.user, row.idempotency_key, row.code});
  }
  EXPECT_EQ(state.coupons.size(), 2U);
  EXPECT_EQ(state.digests.at(CampaignId{1}), expected);
  const auto batch = wire::decode_result_batch(state.outbox.rbegin()->second);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->campaigns.at(0).digest, expected);
}

TEST_F(PartitionWorkerTest, DecidesManyRecordsFromAFullLog) {
  append(create(1, 5'000));
  for (int i = 0; i < 20'000; ++i) append(request(1, "user" + std::to_string(i % 10'000)));
  auto worker = start();
  ASSERT_TRUE(decided(20'001));
  const auto state = database_.state(test_partition);
  EXPECT_EQ(state.coupons.size(), 5'000U);
  EXPECT_EQ(state.campaigns.at(CampaignId{1}).issued, 5'000U);
}

// Each load hands over from the log's thread to the store's and back; without the wake each would take a timer's time.
TEST_F(PartitionWorkerTest, WakesTheLogThreadWhenTheStoreHasAnswered) {
  constexpr int campaigns = 60;
  for (std::uint32_t i = 1; i <= campaigns; ++i) append(create(i, 10));
  auto worker = start();
  ASSERT_TRUE(decided(campaigns));
  worker = nullptr;
  worker = start();
  for (std::uint32_t i = 1; i <= campaigns; ++i) append(request(i, "ann"));
  EXPECT_TRUE(decided(2 * campaigns));
}

TEST_F(PartitionWorkerTest, EndsTheReadThatIsUnderWayWhenRevoked) {
  auto worker = start();
  ASSERT_TRUE(eventually([&] { return worker->status().state == State::running && log_.waiting() > 0; }));
  const int before = log_.wakes();
  worker->revoke();
  ASSERT_TRUE(worker->wait_finished(soon()));
  EXPECT_GT(log_.wakes(), before);
}

TEST_F(PartitionWorkerTest, EndsTheCommitInFlightWhenRevoked) {
  append(create(1, 10));
  auto store = std::make_unique<GatedStore>(database_);
  GatedStore& gate = *store;
  auto worker = start(std::move(store));
  ASSERT_TRUE(gate.wait_for_commit());
  append(request(1, "late"));
  worker->revoke();
  EXPECT_FALSE(worker->wait_finished(std::chrono::steady_clock::now()));
  gate.let_go();
  ASSERT_TRUE(worker->wait_finished(soon()));
  EXPECT_EQ(database_.state(test_partition).next_offset, Offset{1});
  EXPECT_EQ(log_.records(ports::Topic::results, test_partition).size(), 1U);
  EXPECT_EQ(worker->status().state, State::finished);
  EXPECT_EQ(metric("openrun_issuer_owned", {{"partition", "3"}}), 0);
}

TEST_F(PartitionWorkerTest, IsDestroyedWhileACommitHangs) {
  append(create(1, 10));
  auto store = std::make_unique<GatedStore>(database_);
  GatedStore& gate = *store;
  auto worker = start(std::move(store));
  ASSERT_TRUE(gate.wait_for_commit());
  worker.reset();
  EXPECT_EQ(database_.state(test_partition).next_offset, Offset{0});
}

TEST_F(PartitionWorkerTest, StopsDecidingWhenFencedAndStaysThereToSayWhy) {
  auto worker = start();
  append(create(1, 10));
  ASSERT_TRUE(decided(1));
  (void)database_.take_over(test_partition);
  append(request(1, "ann"));
  ASSERT_TRUE(worker->wait_finished(soon()));
  EXPECT_EQ(worker->status().reason, "FENCED");
  EXPECT_EQ(metric("openrun_issuer_fenced_total"), 1);
  EXPECT_TRUE(
      eventually([&] { return metric("openrun_issuer_stopped", {{"partition", "3"}, {"reason", "FENCED"}}) == 1; }));
  EXPECT_EQ(logger_.count("partition stopped"), 1U);
}

TEST_F(PartitionWorkerTest, GoesOnWhenTheStoreIsBack) {
  auto worker = start();
  append(create(1, 10));
  ASSERT_TRUE(decided(1));
  database_.set_down(true);
  append(request(1, "ann"));
  ASSERT_TRUE(eventually([&] { return worker->status().state == State::rebuilding; }));
  database_.set_down(false);
  ASSERT_TRUE(decided(2));
  EXPECT_TRUE(eventually([&] { return metric("openrun_rebuilds_total", {{"reason", "ROLLED_BACK"}}) >= 1; }));
}

TEST_F(PartitionWorkerTest, FollowsADispatchRateThatIsLifted) {
  database_.set_dispatch(1);
  append(create(1, 100));
  for (int i = 0; i < 50; ++i) append(request(1, "user" + std::to_string(i)));
  auto worker = start();
  ASSERT_TRUE(decided(2));
  EXPECT_LT(database_.state(test_partition).next_offset, Offset{5});
  database_.set_dispatch(0);
  ASSERT_TRUE(decided(51));
}

}  // namespace
}  // namespace openrun::issuer
