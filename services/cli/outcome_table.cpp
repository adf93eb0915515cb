#include "cli/outcome_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::cli {
namespace {

constexpr std::uint64_t no_record = 0;
constexpr std::uint64_t unknown_mark = 1;
constexpr std::uint64_t first_mark = 2;

template <class T>
void append(std::array<std::uint8_t, 32>& bytes, std::size_t& at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  at += sizeof value;
}

}  // namespace

wire::OutcomeEntry entry_of(const issuance::Decision& decision, std::uint32_t nonce, std::uint64_t winner) {
  using issuance::Outcome;
  wire::OutcomeEntry entry;
  entry.offset = decision.offset;
  entry.outcome = decision.outcome;
  entry.nonce = nonce;
  entry.campaign = decision.campaign;
  if (issuance::is_issued(decision.outcome) || decision.outcome == Outcome::already_issued) {
    entry.sequence = decision.sequence;
    entry.issued_at = decision.time;
  }
  if (decision.outcome == Outcome::issued) entry.winner = winner;
  return entry;
}

OutcomeTable::OutcomeTable(Offset from, Offset end) : from_(from) {
  std::array<std::uint8_t, 16> key{};
  crypto::random_bytes(key);
  std::memcpy(&key_0_, key.data(), 8);
  std::memcpy(&key_1_, key.data() + 8, 8);
  const auto size = static_cast<std::size_t>(std::max<std::int64_t>(0, end - from));
  marks_.assign(size, no_record);
  seen_.assign(size, false);
}

std::uint64_t OutcomeTable::mark_of(std::string_view bytes) const {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return crypto::siphash_2_4(key_0_, key_1_, std::span(data, bytes.size()));
}

std::uint64_t OutcomeTable::mark_of(const wire::OutcomeEntry& entry) const {
  if (entry.outcome == issuance::Outcome::none) return no_record;
  std::array<std::uint8_t, 32> bytes{};
  std::size_t at = 0;
  append(bytes, at, std::to_underlying(entry.outcome));
  append(bytes, at, entry.nonce);
  append(bytes, at, entry.campaign.value);
  append(bytes, at, entry.sequence.value);
  append(bytes, at, entry.issued_at.value);
  append(bytes, at, entry.winner);
  return std::max(first_mark, crypto::siphash_2_4(key_0_, key_1_, bytes));
}

void OutcomeTable::add(const wire::OutcomeEntry& entry) {
  OPENRUN_ASSERT(covers(entry.offset), "an outcome beyond the table");
  marks_[index(entry.offset)] = mark_of(entry);
}

void OutcomeTable::add_unknown(Offset offset) {
  OPENRUN_ASSERT(covers(offset), "an outcome beyond the table");
  marks_[index(offset)] = unknown_mark;
}

void OutcomeTable::add_batch(Offset first, Offset last, std::string_view payload) {
  batches_.push_back({first, last, mark_of(payload)});
}

OutcomeTable::Match OutcomeTable::compare(const wire::OutcomeEntry& entry) const {
  const std::uint64_t expected = marks_[index(entry.offset)];
  if (expected == unknown_mark) return Match::unknown;
  return expected == mark_of(entry) ? Match::same : Match::differs;
}

OutcomeTable::BatchMatch OutcomeTable::compare_batch(Offset first, Offset last, std::string_view payload) const {
  const auto found = std::ranges::lower_bound(batches_, first, {}, &Batch::first);
  if (found == batches_.end() || found->first != first || found->last != last) return BatchMatch::unknown;
  return found->mark == mark_of(payload) ? BatchMatch::same : BatchMatch::differs;
}

std::vector<OutcomeTable::Range> OutcomeTable::unseen(Offset first, Offset end, std::size_t limit) const {
  std::vector<Range> ranges;
  for (Offset at = std::max(first, from_); at < std::min(end, this->end()); at = at + 1) {
    if (seen_[index(at)] || marks_[index(at)] == no_record) continue;
    if (!ranges.empty() && ranges.back().last + 1 == at) {
      ranges.back().last = at;
    } else if (ranges.size() == limit) {
      break;
    } else {
      ranges.push_back({at, at});
    }
  }
  return ranges;
}

}  // namespace openrun::cli
