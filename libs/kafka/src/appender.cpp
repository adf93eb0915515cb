#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <openrun/base/assert.hpp>
#include <openrun/kafka/kafka.hpp>

#include "gate.hpp"
#include "producer.hpp"

namespace openrun::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds poll_interval{100};
constexpr milliseconds connection_check_interval{250};
constexpr milliseconds connection_check_timeout{200};
// A cause that outlives the producer (no permission, say) must not become a loop of new connections.
constexpr milliseconds recreate_interval{500};
// librdkafka answers purged records at once; without an answer the promise of one delivery per append would be broken.
constexpr std::chrono::seconds purge_timeout{30};
constexpr milliseconds stall_min{500};
constexpr milliseconds stall_max{2'000};

// How long an append may stay unacknowledged before its partition counts as down.
milliseconds stall_of(const Options& options) {
  return std::clamp(std::chrono::duration_cast<milliseconds>(options.delivery_timeout / 2), stall_min, stall_max);
}

class Appender final : public ports::LogAppender {
 public:
  Appender(Options options, std::string topic, OnDeliveries on_deliveries, ports::Logger& logger,
           std::unique_ptr<Producer> producer)
      : options_(std::move(options)),
        topic_(std::move(topic)),
        stall_(stall_of(options_)),
        on_deliveries_(std::move(on_deliveries)),
        logger_(logger),
        producer_(std::move(producer)),
        thread_([this] { run(); }) {}

  ~Appender() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (producer_) producer_->wake();
    }
    stopped_.notify_all();
    thread_.join();
  }

  Result<void> append(Partition partition, std::string_view key, std::string_view value, const ports::Headers& headers,
                      std::uint64_t token) override;
  void send_now() override;
  milliseconds oldest_unacknowledged() const override;
  bool flush(milliseconds timeout) override;

 private:
  struct Lane {
    explicit Lane(milliseconds stall) : gate(stall) {}
    Gate gate;
    Unacknowledged unacknowledged;
  };

  void run();
  void serve(Producer& producer, milliseconds timeout, ProducerEvents& events);
  void account(const ProducerEvents& events);
  void connected();
  void drain(Producer& producer);
  void replace(const std::string& reason);
  void recreate();
  void check_connection();

  const Options options_;
  const std::string topic_;
  const milliseconds stall_;
  const OnDeliveries on_deliveries_;
  ports::Logger& logger_;

  // Guards what follows. append() holds it across rd_kafka_produce (about a microsecond, a copy and no I/O), so that a
  // delivery can never be counted before its append.
  mutable std::mutex mutex_;
  std::condition_variable acknowledged_;
  std::condition_variable stopped_;
  std::unique_ptr<Producer> producer_;  // empty after a fatal error, until the next one is there
  std::map<std::int32_t, Lane> lanes_;
  std::size_t unacknowledged_ = 0;
  bool connected_ = true;  // false from the loss of the last broker to the next sign of one

  // The delivery thread's own.
  std::vector<ports::Delivery> deliveries_;
  steady_clock::time_point next_connection_check_{};
  steady_clock::time_point next_recreation_{};

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

Result<void> Appender::append(Partition partition, std::string_view key, std::string_view value,
                              const ports::Headers& headers, std::uint64_t token) {
  if (partition.value < 0)
    return fail(Error::Kind::invalid, "partition " + std::to_string(partition.value) + " is negative");
  const auto now = steady_clock::now();
  std::lock_guard lock(mutex_);
  if (!producer_)
    return fail(Error::Kind::unavailable, "the producer of " + topic_ + " is being made anew after a fatal error");
  auto lane = lanes_.find(partition.value);
  if (lane != lanes_.end() && !lane->second.gate.admit(now, lane->second.unacknowledged.oldest(now)))
    return fail(Error::Kind::unavailable, "partition " + std::to_string(partition.value) + " of " + topic_ +
                                              " does not take records at the moment");
  if (auto appended = producer_->append(partition, key, value, headers, token); !appended) return appended;
  if (lane == lanes_.end()) {
    lane = lanes_.emplace(partition.value, Lane(stall_)).first;
    if (!connected_) lane->second.gate.disconnected();
  }
  lane->second.unacknowledged.add(now);
  ++unacknowledged_;
  return {};
}

void Appender::send_now() {
  std::lock_guard lock(mutex_);
  if (producer_) producer_->send_now();
}

milliseconds Appender::oldest_unacknowledged() const {
  const auto now = steady_clock::now();
  std::lock_guard lock(mutex_);
  milliseconds oldest{0};
  for (const auto& [partition, lane] : lanes_) oldest = std::max(oldest, lane.unacknowledged.oldest(now));
  return oldest;
}

bool Appender::flush(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return acknowledged_.wait_for(lock, timeout, [this] { return unacknowledged_ == 0; });
}

void Appender::run() {
  ProducerEvents events;
  while (!stopping_) {
    if (!producer_) {  // only this thread writes it
      recreate();
      continue;
    }
    serve(*producer_, poll_interval, events);
    if (events.fatal)
      replace(events.reason);
    else
      check_connection();
  }
  if (producer_) drain(*producer_);
}

void Appender::serve(Producer& producer, milliseconds timeout, ProducerEvents& events) {
  producer.poll(timeout, events);
  if (!events.answers.empty()) {
    // The gates first: a caller that reacts to its delivery by appending again must find them as the delivery says.
    account(events);
    deliveries_.clear();
    for (const auto& answer : events.answers) deliveries_.push_back(answer.delivery);
    on_deliveries_(deliveries_);
    // After the call: flush() promises that every append has had its delivery.
    {
      std::lock_guard lock(mutex_);
      OPENRUN_ASSERT(unacknowledged_ >= deliveries_.size(), "more deliveries than appends");
      unacknowledged_ -= deliveries_.size();
    }
    acknowledged_.notify_all();
  }
  if (events.all_brokers_down) {
    logger_.warning("no broker of the log is connected", {{"topic", topic_}, {"reason", events.reason}});
    next_connection_check_ = {};
    std::lock_guard lock(mutex_);
    connected_ = false;
    for (auto& [partition, lane] : lanes_) lane.gate.disconnected();
  }
}

void Appender::account(const ProducerEvents& events) {
  std::lock_guard lock(mutex_);
  for (const auto& answer : events.answers) {
    const auto lane = lanes_.find(answer.delivery.partition.value);
    OPENRUN_ASSERT(lane != lanes_.end(), "a delivery for a partition that nothing was appended to");
    lane->second.unacknowledged.remove_oldest();
    if (answer.delivery.fate == ports::Delivery::Fate::stored) {
      lane->second.gate.stored();
      connected();
    } else if (answer.outage) {
      lane->second.gate.timed_out();
    }
  }
}

// With mutex_ held.
void Appender::connected() {
  if (connected_) return;
  connected_ = true;
  logger_.info("the log is connected again", {{"topic", topic_}});
  for (auto& [partition, lane] : lanes_) lane.gate.connected();
}

// Everything that the producer still holds gets its delivery.
void Appender::drain(Producer& producer) {
  producer.purge();
  const auto deadline = steady_clock::now() + purge_timeout;
  ProducerEvents events;
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (unacknowledged_ == 0) return;
    }
    OPENRUN_ASSERT(steady_clock::now() < deadline, "librdkafka kept records back that were purged");
    serve(producer, poll_interval, events);
  }
}

void Appender::replace(const std::string& reason) {
  logger_.error("the producer met a fatal error and is made anew; what was in flight is in doubt",
                {{"topic", topic_}, {"reason", reason}});
  std::unique_ptr<Producer> old;
  {
    std::lock_guard lock(mutex_);
    old = std::move(producer_);
  }
  drain(*old);
}

void Appender::recreate() {
  const auto now = steady_clock::now();
  if (now < next_recreation_) {
    std::unique_lock lock(mutex_);
    stopped_.wait_until(lock, next_recreation_, [this] { return stopping_.load(); });
    return;
  }
  next_recreation_ = now + recreate_interval;
  auto made = Producer::make(options_, topic_, logger_);
  if (!made) {
    logger_.error("no new producer could be made; trying again", {{"topic", topic_}, {"reason", made.error().message}});
    return;
  }
  std::lock_guard lock(mutex_);
  producer_ = std::move(*made);
}

// With nothing in flight no delivery can say that the brokers are back, so they are asked.
void Appender::check_connection() {
  {
    std::lock_guard lock(mutex_);
    if (connected_ || unacknowledged_ != 0) return;
  }
  const auto now = steady_clock::now();
  if (now < next_connection_check_) return;
  next_connection_check_ = now + connection_check_interval;
  if (!producer_->connected(connection_check_timeout)) return;
  std::lock_guard lock(mutex_);
  connected();
}

}  // namespace

Result<std::unique_ptr<ports::LogAppender>> make_appender(const Options& options, ports::Topic topic,
                                                          ports::LogAppender::OnDeliveries on_deliveries,
                                                          ports::Logger& logger) {
  auto name = topic_name(options, topic);
  if (!name) return std::unexpected(name.error());
  // Made here once, so that a wrong setting is the caller's error and not a line in the log.
  auto producer = Producer::make(options, *name, logger);
  if (!producer) return std::unexpected(producer.error());
  return std::make_unique<Appender>(options, std::move(*name), std::move(on_deliveries), logger, std::move(*producer));
}

}  // namespace openrun::kafka
