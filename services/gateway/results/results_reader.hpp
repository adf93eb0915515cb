// Reads one partition of openrun.results, from window_age_s back on, or from further back where the store stands there,
// for ever, one step at a time; what is read goes to `apply`. One thread at a time makes the steps; the progress is
// read by any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/results/results_progress.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

struct ResultsHooks {
  // On the thread of the partition's reader. `live`: the end seen at start was reached before this record.
  std::function<void(const wire::ResultBatch&, bool live)> apply;
  // What the partition retained when it was opened is read, and the newest result need not be among it: it may retain
  // nothing, or only old results that were published again. Where the issuer stands must come from elsewhere.
  std::function<void(Partition)> frontier_unknown;
  // openrun.requests has this many partitions; called when it changes, and never with fewer than before.
  std::function<void(std::int32_t)> request_partitions;
  // Looks at the store, or has it looked at, from time to time; false: again after timing.retry. Empty: nobody does.
  std::function<bool()> look_at_store = {};  // NOLINT(readability-redundant-member-init): may be left out
  // The newest record that was read, of a reader that is ready, names where its issuer can be heard. Empty: nobody
  // cares.
  std::function<void(std::string_view)> invited = {};  // NOLINT(readability-redundant-member-init): may be left out
};

// The clocks of the two topics' brokers may differ by so much.
inline constexpr std::int64_t broker_clocks_ms_max = 60'000;

struct ResultsTiming {
  std::chrono::milliseconds poll{100};
  std::chrono::milliseconds sample{1'000};  // between two looks at a partition's end
  std::chrono::milliseconds broker{1'000};  // for one question to the broker
  std::chrono::milliseconds retry{200};
  std::chrono::milliseconds partitions{5'000};  // between two looks for new partitions, and at the store
};

class ResultsReader {
 public:
  // What the readers of a feed share; outlives them.
  struct Parts {
    ports::Log& log;
    const ResultsHooks& hooks;
    const ports::Clock& clock;
    ports::Logger& logger;
    const Settings& settings;
    const ResultsTiming& timing;
  };

  // `decided_until`: the log time of the newest record that the store held as decided before. Whatever was published
  // and the store does not hold was published after it, so it is read: a store that was restored is known by it, also
  // when issuers have begun to publish the same outcomes once more. Empty: not known.
  ResultsReader(Partition partition, Parts parts, std::optional<Timestamp> decided_until = {})
      : partition_(partition), parts_(parts), decided_until_(decided_until) {}

  // Opens the partition, or polls once (at most timing.poll) and applies what came. Returns the pause before the next
  // step: zero after a good one, timing.retry after trouble.
  [[nodiscard]] std::chrono::milliseconds step();

  [[nodiscard]] Partition partition() const { return partition_; }
  [[nodiscard]] const ResultsProgress& progress() const { return progress_; }

 private:
  [[nodiscard]] std::unique_ptr<ports::LogReader> open();
  void apply(const ports::LogRecord& record);
  void take_invitation(const ports::LogRecord& newest);
  void sample();

  const Partition partition_;
  const Parts parts_;
  const std::optional<Timestamp> decided_until_;
  ResultsProgress progress_;
  std::unique_ptr<ports::LogReader> log_reader_;
  std::optional<Offset> retained_end_;  // of the partition when it was opened, until that was read
  bool from_beginning_ = false;
  std::int64_t sampled_us_ = 0;
};

}  // namespace openrun::gateway
