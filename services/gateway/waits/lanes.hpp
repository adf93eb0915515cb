// What each I/O thread keeps (a lane: its pending appends and its waits), and how the appender's and the feed's threads
// reach it: by a mailbox that is posted once however much has come meanwhile.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/base/trace_context.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/request_log.hpp>

#include "gateway/results/results_window.hpp"
#include "gateway/waits/pending.hpp"
#include "gateway/waits/seats.hpp"
#include "gateway/waits/waiters.hpp"
#include "gateway/waits/waiting.hpp"

namespace openrun::gateway {

// Asked, on an I/O thread, to fetch the batch that holds this offset from the store and to apply it.
using Repair = std::function<void(Partition, Offset)>;

class Lane {
 public:
  // So many deliveries are told in one turn of the I/O thread, and as many outcomes: then others have theirs, a poll
  // above all (docs/decisions/0010).
  static constexpr std::size_t answers_a_turn_max = 16;
  // Where more than group_min calls of this thread wait for the log or for an outcome, appends go to the log in groups:
  // as soon as group_min have come, or half of all who wait (then one is gathered while another is on its way), or when
  // none came for group_quiet_ms, at the latest after group_quiet_looks of these. A batch has a price for broker,
  // issuer and store, whatever is in it (docs/decisions/0013). Fewer go at once, and the appender collects. Neither
  // takes longer than until all connections that are awake wait for the log: then nobody else can come. Not told to the
  // appender more than once in send_gap_us: of clients that come with a new connection each, all always wait.
  // What has a price is a batch of one partition. So where calls come for several partitions, a group is as many times
  // larger, and is gathered already where more than few_a_partition wait for each; while all are at most group_min, it
  // goes after few_quiet_looks.
  static constexpr std::size_t group_min = 128;
  static constexpr std::size_t group_max = 1'024;
  static constexpr std::size_t groups_under_way = 2;
  static constexpr std::int64_t group_quiet_ms = 1;
  static constexpr int group_quiet_looks = 16;
  static constexpr std::size_t partitions_max = group_max / group_min;  // more count as so many
  static constexpr std::size_t few_a_partition = 4;
  static constexpr int few_quiet_looks = 2;
  static constexpr std::int64_t send_gap_us = 500;

  Lane(ports::IoThread& io, ResultsWindow& window, const ports::Clock& clock)
      : io_(io), clock_(clock), waiters_(window), pending_(io.index()) {}

  // ---- the I/O thread only ----
  // The submission hears of its fate later, or at once where the appender refuses. In the order of the calls. `trace`:
  // of the call, if it named one; stands in the record's header. The appender is the same each time.
  void append(ports::LogAppender& appender, Partition partition, std::string_view key, std::string_view value,
              const std::optional<TraceContext>& trace, std::unique_ptr<Submission> submission);
  // Ends with decided() (perhaps before this returns) or expired().
  void hold(Partition partition, Offset offset, std::uint32_t nonce, std::unique_ptr<Waiting> waiting,
            std::int64_t now_us, std::int64_t deadline_us);
  // What was gathered goes to the log, and nothing is gathered from here on; all waits end.
  void release();
  [[nodiscard]] ports::IoThread& io() { return io_; }
  void set_repair(Repair repair) { repair_ = std::move(repair); }

  // ---- any thread ----
  void deliver(std::span<const ports::Delivery> deliveries);
  void applied(Partition partition, Offset first, Offset last);
  [[nodiscard]] std::int64_t pending() const { return pending_count_.load(std::memory_order_relaxed); }

 private:
  struct Range {
    Partition partition;
    Offset first;
    Offset last;
  };
  // An append that waits for others of its group.
  struct Gathered {
    Partition partition;
    std::size_t key_bytes = 0;
    std::size_t value_bytes = 0;
    std::optional<TraceContext> trace;
    std::uint64_t token = 0;
  };
  struct Group {
    std::vector<Gathered> appends;
    std::string bytes;  // each one's key and value, one after the other
  };
  // All who wait here, for the log or for an outcome.
  [[nodiscard]] std::size_t waiting() const { return pending_.size() + waiters_.size(); }
  void count_partition(Partition partition);
  [[nodiscard]] bool all_have_come() const;
  void send_now(ports::LogAppender& appender);
  void append_now(ports::LogAppender& appender, Partition partition, std::string_view key, std::string_view value,
                  const std::optional<TraceContext>& trace, std::uint64_t token);
  void append_group(ports::LogAppender& appender);
  // After group_quiet_ms, unless the group went: lets it go where it has not grown, or looks again.
  void look_again(std::size_t size, int looks);
  void take_deliveries();
  void take_ranges();
  void arm();
  void tick();

  ports::IoThread& io_;
  const ports::Clock& clock_;
  Repair repair_;
  Waiters waiters_;
  Pending pending_;
  bool armed_ = false;
  Group gathered_;
  Group spare_;                                  // empty; keeps its memory for the next group
  std::uint64_t groups_ = 0;                     // appended so far; tells a timer whether its group still waits
  ports::LogAppender* gathering_for_ = nullptr;  // where gathered_ goes
  bool released_ = false;
  // Of a round of appends, as many as there are who wait: the partitions that were met, and how many the last one met.
  std::vector<Partition> met_;
  std::size_t round_ = 0;
  std::size_t partitions_ = 1;
  std::optional<std::int64_t> sent_us_;  // when the appender was last told to send
  std::vector<ports::Delivery> delivering_;
  std::size_t delivered_ = 0;  // of these
  std::vector<Range> applying_;
  std::size_t applied_ = 0;  // of these
  std::atomic<std::int64_t> pending_count_{0};
  // Whether anybody here waits: the feed then posts. Set before the wait looks in the window for the last time, read
  // after the window was written: the window's mutex orders the two, so no wait is missed.
  std::atomic<bool> listening_{false};

  std::mutex mailbox_;
  std::vector<ports::Delivery> deliveries_;
  std::vector<Range> ranges_;
  bool deliveries_posted_ = false;
  bool ranges_posted_ = false;
};

class Lanes {
 public:
  Lanes(std::span<ports::IoThread* const> threads, ResultsWindow& window, const ports::Clock& clock);

  [[nodiscard]] Lane& of(const ports::IoThread& io) { return *lanes_[io.index()]; }
  [[nodiscard]] std::size_t size() const { return lanes_.size(); }
  void set_repair(const Repair& repair);

  // LogAppender::OnDeliveries.
  void deliver(std::span<const ports::Delivery> deliveries);
  // After a batch was applied to the window.
  void applied(Partition partition, Offset first, Offset last);
  // Ends all waits; those to come are the handlers' business.
  void release();
  [[nodiscard]] std::int64_t pending() const;

 private:
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace openrun::gateway
