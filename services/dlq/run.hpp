// Carries a plan of plan.hpp out, through ports. One thread.
//
// The order that makes a crash at any step harmless:
//   1. the action is written down (who, when, which filter, how many), and keeps every other action out;
//   2. a few letters are read anew, judged anew, and appended to the log;
//   3. what the log has acknowledged is written down (dead_letter_replay); then the next few.
// Written before the append, a crash would leave letters marked that were never sent, and --max-replays would pass over
// them. Written after it, a crash leaves at most batch_letters_max replays in the log that Postgres does not know of.
// The next run sends those again where they are not decided yet, and the issuer, which resolves an origin once, ignores
// the second copy.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/dead_letters.hpp>
#include <openrun/ports/request_log.hpp>

#include "dlq/plan.hpp"

namespace openrun::dlq {

inline constexpr std::size_t batch_letters_max = 200;
inline constexpr std::chrono::milliseconds acknowledgement_timeout{15'000};

// Values to send instead of the letters' own.
using Repairs = std::map<ports::DeadLetterPlace, std::string>;
[[nodiscard]] std::string_view value_of(const ports::DeadLetter& letter, const Repairs& repairs);

// Reads every dead letter that the store finds, in the order of the log, in pages of batch_letters_max.
[[nodiscard]] Result<void> each_letter(ports::DeadLetterStore& store, const ports::DeadLetterFilter& filter,
                                       const std::function<void(const ports::DeadLetter&)>& each);

// Where the appender's thread leaves what became of the appends. Any thread.
class DeliveryBox {
 public:
  void put(std::span<const ports::Delivery> deliveries);
  // Waits until `count` have come, at most `timeout`, and takes what is there.
  [[nodiscard]] std::vector<ports::Delivery> take(std::size_t count, std::chrono::milliseconds timeout);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<ports::Delivery> deliveries_;
};

struct RunReport {
  std::uint64_t planned = 0;
  std::uint64_t done = 0;      // sent and acknowledged, or discarded
  std::uint64_t left_out = 0;  // were no longer as they were planned
  std::uint64_t unknown = 0;   // perhaps in the log; running it again is safe
  bool stopped = false;        // by a signal
  std::string error;           // what ended it early, with the way on
  [[nodiscard]] bool complete() const { return error.empty() && !stopped; }
};

struct RunParts {
  ports::DeadLetterStore& store;
  const ports::Clock& clock;
  std::function<bool(std::chrono::milliseconds)> pause;  // waits that long; true where the run shall stop
  std::function<void(const RunReport&)> progress;
};
struct ReplayParts {
  ports::LogAppender& log;
  DeliveryBox& box;  // of that log
  std::function<std::uint32_t()> nonce;
  std::uint32_t per_second = 0;  // 0: as fast as the log takes them
};

[[nodiscard]] RunReport run_replay(const RunParts& parts, const ReplayParts& replay, const Plan& plan,
                                   const PlanRules& rules, const Repairs& repairs,
                                   const ports::DeadLetterAction& action);
[[nodiscard]] RunReport run_discard(const RunParts& parts, const Plan& plan, const ports::DeadLetterAction& action);

}  // namespace openrun::dlq
