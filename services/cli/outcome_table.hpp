// What was decided for every offset of one partition, small enough to keep: 8 bytes an offset, 24 a batch. The results
// topic, whose batches may come twice, late and out of order, is held against it. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::cli {

// As the results format says it; `winner` where a coupon was issued.
[[nodiscard]] wire::OutcomeEntry entry_of(const issuance::Decision& decision, std::uint32_t nonce,
                                          std::uint64_t winner);

class OutcomeTable {
 public:
  // Offsets from `from` to below `end` are told of, ascending; those left out hold no record.
  OutcomeTable(Offset from, Offset end);

  void add(const wire::OutcomeEntry& entry);
  // A record that could not be decided again.
  void add_unknown(Offset offset);
  // An outbox row, in ascending order.
  void add_batch(Offset first, Offset last, std::string_view payload);

  [[nodiscard]] Offset from() const { return from_; }
  [[nodiscard]] Offset end() const { return from_ + static_cast<std::int64_t>(marks_.size()); }
  [[nodiscard]] bool covers(Offset offset) const { return offset >= from_ && offset < end(); }

  enum class Match : std::uint8_t { same, differs, unknown };
  // The offset must be covered.
  [[nodiscard]] Match compare(const wire::OutcomeEntry& entry) const;
  enum class BatchMatch : std::uint8_t { same, differs, unknown };  // unknown: the outbox has no such row
  [[nodiscard]] BatchMatch compare_batch(Offset first, Offset last, std::string_view payload) const;

  // The results topic holds this offset. Whether it was seen before.
  bool mark_seen(Offset offset) {
    const bool before = seen_[index(offset)];
    seen_[index(offset)] = true;
    return before;
  }
  struct Range {
    Offset first;
    Offset last;
  };
  // Records at or after `first` and below `end` that were not seen there, in runs, at most `limit` runs.
  [[nodiscard]] std::vector<Range> unseen(Offset first, Offset end, std::size_t limit) const;

 private:
  struct Batch {
    Offset first;
    Offset last;
    std::uint64_t mark;
  };
  [[nodiscard]] std::size_t index(Offset offset) const { return static_cast<std::size_t>(offset - from_); }
  [[nodiscard]] std::uint64_t mark_of(const wire::OutcomeEntry& entry) const;
  [[nodiscard]] std::uint64_t mark_of(std::string_view bytes) const;

  Offset from_;
  // A key of this run alone: nobody can make two outcomes that look alike.
  std::uint64_t key_0_ = 0;
  std::uint64_t key_1_ = 0;
  std::vector<std::uint64_t> marks_;
  std::vector<bool> seen_;
  std::vector<Batch> batches_;
};

}  // namespace openrun::cli
