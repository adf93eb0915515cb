// The operator's view of dead letters: what `openrun dlq` reads and writes. Implemented by libs/postgres. One thread at
// a time; calls block, bounded by the statement time-out.
//
// Nothing here changes what is decided: the issuer alone resolves a dead letter, when it meets a replay record in the
// log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/coupon_store.hpp>

namespace openrun::ports {

struct DeadLetterFilter {
  std::optional<Partition> partition;
  std::optional<std::pair<Offset, Offset>> offsets;  // both inclusive
  std::optional<Timestamp> since;                    // became a dead letter at this moment or later
  std::string reason;                                // empty: any
};

struct DeadLetterPlace {
  Partition partition;
  Offset offset;
  auto operator<=>(const DeadLetterPlace&) const = default;
};

struct DeadLetter {
  std::int64_t id = 0;
  Partition partition;
  DeadLetterRow row;  // its replays: how many replay records of it the log has acknowledged
  Timestamp created_at;
  std::optional<Timestamp> exported_at;
  std::optional<Timestamp> replayed_at;  // when it was last sent back into the log
  std::optional<Timestamp> discarded_at;
  std::optional<Offset> final_offset;   // the record that resolved it
  std::optional<Offset> replay_offset;  // of its newest acknowledged replay record
  Offset next_offset;                   // of its partition, at the moment of reading: what stands before it is decided

  [[nodiscard]] DeadLetterPlace place() const { return {partition, row.offset}; }
};

struct ReplayRecord {
  Offset replay_offset;
  Timestamp sent_at;
  std::string sent_by;
};

// One replay record that the log has acknowledged.
struct SentReplay {
  std::int64_t id = 0;  // of the dead letter
  Partition partition;
  Offset origin;
  Offset replay_offset;
};

struct DeadLetterAction {
  std::string name;         // replay or discard
  std::string filter_json;  // a JSON object
  std::string done_by;
  std::uint64_t planned = 0;
};

class DeadLetterStore {
 public:
  virtual ~DeadLetterStore() = default;

  // In ascending order of (partition, offset), those behind `after`, at most `limit`; of one moment.
  [[nodiscard]] virtual Result<std::vector<DeadLetter>> letters(const DeadLetterFilter& filter,
                                                                const std::optional<DeadLetterPlace>& after,
                                                                std::size_t limit) = 0;
  // The same of these ids; those that do not exist are left out.
  [[nodiscard]] virtual Result<std::vector<DeadLetter>> letters_of(const std::vector<std::int64_t>& ids) = 0;
  // Acknowledged replay records of one dead letter, ascending by offset.
  [[nodiscard]] virtual Result<std::vector<ReplayRecord>> replays_of(const DeadLetterPlace& place) = 0;
  // Where a campaign lives; empty where there is none.
  [[nodiscard]] virtual Result<std::optional<Partition>> home_of(CampaignId campaign) = 0;

  // Writes down who begins what, and keeps every other action out until this store is destroyed or its process dies.
  // Error::Kind::conflict: another action is at work. Returns the action's id.
  [[nodiscard]] virtual Result<std::int64_t> begin_action(const DeadLetterAction& action) = 0;
  // The log has acknowledged these. Safe to be called again with the same ones.
  [[nodiscard]] virtual Result<void> record_replays(std::int64_t action, const std::vector<SentReplay>& sent) = 0;
  // Gives up those that are neither resolved nor given up; returns how many.
  [[nodiscard]] virtual Result<std::size_t> discard(std::int64_t action, const std::vector<std::int64_t>& ids) = 0;
  // All that was planned was looked at. An action that was interrupted is never finished.
  [[nodiscard]] virtual Result<void> finish_action(std::int64_t action) = 0;

  // Lets the issuer write dead letters at [first, last], however many they are. Returns the partition's next_offset.
  [[nodiscard]] virtual Result<Offset> accept(Partition partition, Offset first, Offset last,
                                              const std::string& done_by) = 0;
};

}  // namespace openrun::ports
