// The relay's view of the store. Implemented by libs/postgres and libs/sim. One thread at a time; calls block, bounded
// by the statement time-out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::ports {

struct OutboxEntry {
  Offset first_offset;
  Offset last_offset;
  Timestamp created_at;
};

struct ExportedDeadLetter {
  DeadLetterRow row;
  std::int64_t id = 0;  // handle for mark_exported
  Timestamp created_at;
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // All rows with first_offset < cursor are known to be in the results topic. Kept in Postgres; only ever grows, and
  // never beyond what is committed. Error::Kind::conflict: the checkpoint stands before `cursor`, so this store was
  // restored to an earlier moment, or is another one: what the caller knows of it no longer holds.
  [[nodiscard]] virtual Result<Offset> published_through(Partition partition) = 0;
  [[nodiscard]] virtual Result<void> set_published_through(Partition partition, Offset cursor) = 0;

  // Rows with first_offset >= from, ascending, without payload. Error::Kind::conflict as above where the checkpoint
  // stands before `from`.
  [[nodiscard]] virtual Result<std::vector<OutboxEntry>> entries(Partition partition, Offset from,
                                                                 std::size_t limit) = 0;
  [[nodiscard]] virtual Result<std::string> payload(Partition partition, Offset first_offset) = 0;

  // Dead letters that are not yet in the dead-letters topic, ascending by offset.
  [[nodiscard]] virtual Result<std::vector<ExportedDeadLetter>> dead_letters_to_export(Partition partition,
                                                                                       std::size_t limit) = 0;
  [[nodiscard]] virtual Result<void> mark_exported(Partition partition, const std::vector<std::int64_t>& ids) = 0;

  // Deletes rows older than `before` that are published, at most `limit`; returns how many.
  [[nodiscard]] virtual Result<std::size_t> prune(Partition partition, Timestamp before, std::size_t limit) = 0;
};

}  // namespace openrun::ports
