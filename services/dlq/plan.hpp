// What `openrun dlq` makes of dead letters: the state that each is in, which ones a filter means, and the plan of a
// replay or a discard. A plan is a value; run.hpp carries it out. Pure functions of their arguments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/ports/dead_letters.hpp>

namespace openrun::dlq {

enum class LetterState : std::uint8_t {
  open,            // nothing was done, or its replays failed again
  replaying,       // a replay is in the log and not decided yet
  replayed,        // a replay resolved it: its receipt shows that outcome
  discarded,       // an operator gave it up
  refused_replay,  // the record is itself a replay that the store refused; it is its origin that is open
};
[[nodiscard]] const char* to_string(LetterState state);
[[nodiscard]] std::optional<LetterState> state_named(std::string_view name);
[[nodiscard]] LetterState state_of(const ports::DeadLetter& letter);

// What this build reads in a record's bytes.
struct ReadValue {
  bool replayable = false;  // a request or a command
  CampaignId campaign;      // 0 where the bytes tell none
  std::string text;         // in words: "request of user kim in campaign 7"; or why it can't be read
};
[[nodiscard]] ReadValue read_value(std::string_view value);

struct LetterFilter {
  ports::DeadLetterFilter stored;  // what the store sees to
  std::optional<CampaignId> campaign;
  std::optional<LetterState> state;
};
enum class Match : std::uint8_t {
  yes,
  no,
  campaign_unknown,  // everything else fits, but its bytes tell no campaign
};
// `stored` is not looked at again.
[[nodiscard]] Match match(const LetterFilter& filter, const ports::DeadLetter& letter, const ReadValue& read);

enum class DlqAction : std::uint8_t { replay, discard };
[[nodiscard]] const char* to_string(DlqAction action);

struct PlanRules {
  DlqAction action = DlqAction::replay;
  std::uint64_t letters_max = 0;             // 0: no bound
  std::optional<std::uint32_t> replays_max;  // leave out what was replayed that often already
};

// Why a dead letter that the filters mean is left out.
enum class Skip : std::uint8_t {
  resolved,
  in_the_log,
  discarded,
  refused_replay,
  replayed_often,
  not_readable,
  too_large,
  beyond_max,
};
[[nodiscard]] const char* to_string(Skip skip);  // UPPER_CASE, for JSON
[[nodiscard]] const char* explain(Skip skip);    // for people

// Empty where the action may be done. `value` is the record that would be replayed: the letter's own, or a repaired
// one.
[[nodiscard]] std::optional<Skip> judge(const PlanRules& rules, const ports::DeadLetter& letter,
                                        std::string_view value);

// The record that replays a letter.
[[nodiscard]] std::string replay_record(const ports::DeadLetter& letter, std::string_view value, std::uint32_t nonce);

struct Planned {
  std::int64_t id = 0;
  ports::DeadLetterPlace place;
};

struct Plan {
  std::vector<Planned> letters;  // in the order of the log, so that replays keep the order of their first arrival
  std::map<std::string, std::uint64_t> by_reason;
  std::map<Skip, std::uint64_t> skipped;
  std::uint64_t matched = 0;           // what the filters mean
  std::uint64_t campaign_unknown = 0;  // left out by --campaign, because their bytes tell none
};

class Planner {
 public:
  Planner(LetterFilter filter, const PlanRules& rules) : filter_(std::move(filter)), rules_(rules) {}
  // In the order of the log.
  void consider(const ports::DeadLetter& letter, std::string_view value);
  [[nodiscard]] const Plan& plan() const { return plan_; }

 private:
  LetterFilter filter_;
  PlanRules rules_;
  Plan plan_;
};

struct Stats {
  using Counts = std::map<LetterState, std::uint64_t>;
  std::uint64_t total = 0;
  std::uint64_t exported = 0;
  std::uint64_t campaign_unknown = 0;
  Counts by_state;
  std::map<std::string, Counts> by_reason;
  std::map<Partition, Counts> by_partition;
  std::map<std::string, Counts> by_age;  // since they became dead letters: "1 hour", "2 day", ... in order
  std::optional<Timestamp> oldest_open;  // when it first arrived

  void add(const ports::DeadLetter& letter, Timestamp now);
};

}  // namespace openrun::dlq
