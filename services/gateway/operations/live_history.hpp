// What happened in each of the last minutes' seconds: outcomes of the whole system, as they come from the results
// topic, and what this gateway accepted and acknowledged. For those who watch. Any thread; one mutex, held for a batch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/meters.hpp"
#include "gateway/operations/latency_tally.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

inline constexpr std::size_t history_seconds = 900;
// Batches that came before an earlier one did, a partition; beyond that the earliest gap is given up.
inline constexpr std::size_t batches_ahead_max = 1'024;

using OutcomeCounts = std::array<std::uint64_t, 64>;  // by the number of the outcome

struct HistorySecond {
  std::int64_t second = 0;  // since 1970, by this gateway's clock
  std::uint32_t issued = 0;
  std::uint32_t refused = 0;  // by a decision; refusals at the gate are `gate_refused`
  std::uint32_t dead_lettered = 0;
  std::uint32_t other = 0;         // commands and the like
  std::uint32_t accepted = 0;      // by this gateway
  std::uint32_t gate_refused = 0;  // by this gateway
  LatencyCounts decided;           // from the log's time of a record to its outcome's arrival here
  LatencyCounts acknowledged;      // from a POST to its outcome, at this gateway
};

class LiveHistory {
 public:
  LiveHistory(const Meters& meters, const ports::Clock& clock);

  // A batch may come any number of times, and before an earlier one: its outcomes count once. Only of readers that have
  // reached the end of their partition: what was decided before this gateway began is not counted.
  void apply(const wire::ResultBatch& batch);

  [[nodiscard]] Timestamp since() const { return since_; }
  [[nodiscard]] OutcomeCounts totals() const;
  // The seconds that are over, ascending, those behind `after`; seconds without an entry were quiet.
  [[nodiscard]] std::vector<HistorySecond> seconds(std::int64_t after);
  // The sum of the last `count` seconds that are over.
  [[nodiscard]] HistorySecond last(std::int64_t count);

 private:
  struct Seen {
    std::optional<Offset> next;      // everything before it was counted
    std::map<Offset, Offset> ahead;  // first to last of batches that came early
  };
  // What the meters said when the second that runs began.
  struct Base {
    std::uint64_t accepted = 0;
    std::uint64_t gate_refused = 0;
    LatencyCounts acknowledged;
  };

  [[nodiscard]] bool is_new(const wire::ResultBatch& batch);
  void roll();
  void count(const wire::ResultBatch& batch, Timestamp now);
  [[nodiscard]] Base read_meters() const;

  const Meters& meters_;
  const ports::Clock& clock_;
  const Timestamp since_;
  mutable std::mutex mutex_;
  OutcomeCounts totals_{};
  std::map<Partition, Seen> seen_;
  HistorySecond running_;
  Base base_;
  std::vector<HistorySecond> ring_;  // the second s at s mod history_seconds
};

}  // namespace openrun::gateway
