// The log: openrun.requests, openrun.results and openrun.dead-letters as the services see them. Implemented by
// libs/kafka on librdkafka and by libs/sim in memory. Interfaces without fields.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/base/trace_context.hpp>

namespace openrun::ports {

using Headers = std::vector<std::pair<std::string, std::string>>;

// The last of that name; empty where there is none.
[[nodiscard]] std::string_view header(const Headers& headers, std::string_view name);

enum class Topic : std::uint8_t { requests, results, dead_letters };

// ---- writing ----

struct Delivery {
  std::uint64_t token = 0;  // as given to append()
  enum class Fate : std::uint8_t {
    stored,   // acknowledged by all in-sync replicas; `offset` is its place
    failed,   // certainly not stored
    unknown,  // may or may not be stored (time-out, duplicate sequence, no offset): the caller may not promise anything
  } fate = Fate::failed;
  Partition partition;
  Offset offset;
};

// Appends to one topic; acks=all, idempotent. append() may be called from any thread and never blocks.
class LogAppender {
 public:
  virtual ~LogAppender() = default;
  // Called with every batch of deliveries, in order per partition, on a thread of the appender; must not block.
  using OnDeliveries = std::function<void(std::span<const Delivery>)>;
  // Copies key, value and headers. Fails with Error::Kind::overloaded when the bounded queue (count and bytes) is full,
  // and with unavailable while the log is known to be down. Each accepted append gets exactly one Delivery.
  [[nodiscard]] virtual Result<void> append(Partition partition, std::string_view key, std::string_view value,
                                            const Headers& headers, std::uint64_t token) = 0;
  // What was appended so far is sent at once, where the appender would collect a while for more. Any thread, never
  // blocks, promises nothing.
  virtual void send_now() {}
  // How long the oldest append that is still without a Delivery has been waiting; zero when there is none.
  [[nodiscard]] virtual std::chrono::milliseconds oldest_unacknowledged() const = 0;
  // Waits until every accepted append has its Delivery, at most `timeout`; false when some are still open then.
  virtual bool flush(std::chrono::milliseconds timeout) = 0;
};

// ---- reading ----

struct LogRecord {
  Partition partition;
  Offset offset;
  Timestamp time;        // LogAppendTime
  std::string_view key;  // the views live until the next poll() of the reader, or as long as `owner`
  std::string_view value;
  // Its header of that name, as it stands; empty where there is none.
  std::string_view traceparent = {};  // NOLINT(readability-redundant-member-init): may be left out
};

// A batch of records in order of offsets. Keeps the bytes that the views point to alive.
struct LogBatch {
  std::vector<LogRecord> records;
  std::shared_ptr<const void> owner;
};

struct LogBounds {
  Offset begin;  // the oldest retained offset
  Offset end;    // one past the newest
};

// Reads one partition of one topic from a given offset on. One thread at a time, except wake().
class LogReader {
 public:
  virtual ~LogReader() = default;
  // Waits at most `timeout` for the first record, then takes what is there, at most `records_max`. An empty batch is no
  // error. Error::Kind::not_found: the position is outside the log (truncated, recreated or expired): final, reading
  // has stopped. Error::Kind::unavailable: the broker cannot be reached; poll again.
  [[nodiscard]] virtual Result<LogBatch> poll(std::size_t records_max, std::chrono::milliseconds timeout) = 0;
  // Asks the broker, at most `timeout`.
  [[nodiscard]] virtual Result<LogBounds> bounds(std::chrono::milliseconds timeout) = 0;
  // The headers of a record of the batch that poll() returned last (for dead letters; not on the hot path).
  [[nodiscard]] virtual Headers headers(const LogRecord& record) const = 0;
  // Ends a poll() that waits, from any thread.
  virtual void wake() = 0;
};

// Opens readers and answers questions about topics. Any thread.
class Log {
 public:
  virtual ~Log() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<LogReader>> open(Topic topic, Partition partition, Offset from) = 0;
  // The first offset whose record is not older than `time`; the end of the partition where there is none.
  [[nodiscard]] virtual Result<Offset> offset_at(Topic topic, Partition partition, Timestamp time,
                                                 std::chrono::milliseconds timeout) = 0;
  [[nodiscard]] virtual Result<std::int32_t> partitions(Topic topic, std::chrono::milliseconds timeout) = 0;
};

// ---- ownership ----

// The consumer groups: issuers share the partitions of the requests topic, relays those of the results topic.
inline constexpr const char* issuers_group = "openrun-issuers";
inline constexpr const char* relays_group = "openrun-relays";

// Which partitions this process is responsible for, as a member of a Kafka consumer group. It says who should write;
// the epoch in Postgres decides who may.
class Membership {
 public:
  virtual ~Membership() = default;
  struct Callbacks {
    // On the thread that calls poll(). They must return quickly: hand over to the partition's own thread.
    std::function<void(std::span<const Partition>)> assigned;
    // Revoked in good order: finish or drop what is in flight before returning, bounded by the caller's own deadline.
    std::function<void(std::span<const Partition>)> revoked;
    // Lost without notice (session expired): somebody else may already write.
    std::function<void(std::span<const Partition>)> lost;
  };
  // Drives the membership; call at least once a second, also while Postgres is down.
  virtual void poll(std::chrono::milliseconds timeout) = 0;
  // Leaves the group; revoked() is called for what is held.
  virtual void leave() = 0;
};

}  // namespace openrun::ports
