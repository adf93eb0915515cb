// How far the reader of one results partition is. Written by its thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include <openrun/base/ids.hpp>

namespace openrun::gateway {

class ResultsProgress {
 public:
  // Reading begins at `position`; the topic ended at `end` then. Readiness, once reached, stays.
  void opened(Offset position, Offset end, std::int64_t now_us);
  // Everything below `position` was read.
  void reached(Offset position);
  // The topic ended at `end` at this time.
  void sampled(Offset end, std::int64_t now_us);

  // Everything below was read since it was opened.
  [[nodiscard]] Offset position() const;
  // Whether the end that was seen at the first opening was reached.
  [[nodiscard]] bool ready() const;
  // Since when it is not known to be at the end: the time of the newest sampled end that was reached.
  [[nodiscard]] std::int64_t behind_us(std::int64_t now_us) const;
  // Records between the position and the newest end known.
  [[nodiscard]] std::int64_t lag() const;

 private:
  struct Sample {
    Offset end;
    std::int64_t time_us;
  };
  void settle();

  mutable std::mutex mutex_;
  Offset position_;
  Offset end_;
  std::optional<Offset> ready_at_;
  bool ready_ = false;
  std::optional<Sample> open_;  // the oldest end that was not reached yet
  std::int64_t caught_up_us_ = 0;
};

}  // namespace openrun::gateway
