#include <algorithm>
#include <cstring>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/result_batch.hpp>
#include <openrun/wire/terms.hpp>

#include "outcome_kinds.hpp"
#include "proto_reader.hpp"

namespace openrun::wire {
namespace {

using issuance::Campaign;
using issuance::Outcome;

struct Run {
  std::uint32_t campaign = 0;
  std::uint32_t count = 0;
};

// The dense fields as they stand in the payload.
struct Columns {
  std::string_view kinds;
  std::string_view nonces;
  std::string_view sequences;
  std::string_view issued_at_deltas;
  std::string_view winners;
  std::string_view traced;
  std::string_view traces;
  std::vector<Run> runs;
  std::vector<Digest> digests;
};

// Field by field, unknown ones passed over. A field that stands twice is refused where it would have to be merged.
template <class OnField>
bool read_leniently(std::string_view bytes, OnField&& on_field) {
  ProtoReader reader(bytes);
  while (!reader.at_end()) {
    if (!reader.next() || !on_field(reader)) return false;
  }
  return true;
}

bool read_once(ProtoReader& reader, std::string_view& column) {
  return column.empty() && reader.read(column);
}

bool is_offset(Offset offset) {
  return offset.value >= 0;
}

bool read_counters(std::string_view bytes, CampaignCounters& out) {
  const bool read = read_leniently(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return reader.read(out.campaign.value);
      case 2:
        return reader.read(out.stock);
      case 3:
        return reader.read(out.issued);
      case 4:
        return reader.read(out.paused);
      case 5:
        return reader.read(out.closed);
      case 6:
        return reader.read(out.starts_at.value);
      case 7:
        return reader.read(out.ends_at.emplace().value);
      case 8:
        return reader.read(out.terms_offset.value);
      default:
        return reader.skip();
    }
  });
  return read && is_valid_campaign(out.campaign) && out.issued <= out.stock && is_valid_time(out.starts_at) &&
         (!out.ends_at || is_valid_time(*out.ends_at)) && is_offset(out.terms_offset);
}

bool read_view(std::string_view bytes, Campaign& out) {
  std::string_view terms;
  const bool read = read_leniently(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return reader.read(out.id.value);
      case 2:
        return reader.read(terms);
      case 3:
        return reader.read(out.issued);
      case 4:
        return reader.read(out.paused);
      case 5:
        return reader.read(out.closed);
      case 6:
        return reader.read(out.created_at.value);
      case 7:
        return reader.read(out.updated_at.value);
      case 8:
        return reader.read(out.terms_offset.value);
      default:
        return reader.skip();
    }
  });
  if (!read) return false;
  auto decoded = decode_terms(terms);
  if (!decoded) return false;
  out.terms = std::move(*decoded);
  return is_valid_campaign(out.id) && out.issued <= out.terms.stock && is_valid_time(out.created_at) &&
         is_valid_time(out.updated_at) && is_offset(out.terms_offset);
}

bool read_command(std::string_view bytes, CommandResult& out) {
  std::uint32_t outcome = 0;
  const bool read = read_leniently(bytes, [&](ProtoReader& reader) {
    std::string_view view;
    switch (reader.field()) {
      case 1:
        return reader.read(out.offset.value);
      case 2:
        return reader.read(outcome);
      case 3:
        return reader.read(out.first_offset.emplace().value);
      case 4:
        return !out.after && reader.read(view) && read_view(view, out.after.emplace());
      default:
        return reader.skip();
    }
  });
  if (!read || outcome > 255 || (out.first_offset && !is_offset(*out.first_offset))) return false;
  out.outcome = static_cast<Outcome>(outcome);
  return is_known(out.outcome) && issuance::is_command(out.outcome);
}

bool read_replay(std::string_view bytes, ReplayResult& out) {
  const bool read = read_leniently(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return reader.read(out.origin.value);
      case 2:
        return reader.read(out.offset.value);
      default:
        return reader.skip();
    }
  });
  return read && is_offset(out.origin) && out.origin < out.offset;
}

bool read_run(std::string_view bytes, Run& out) {
  const bool read = read_leniently(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return reader.read(out.campaign);
      case 2:
        return reader.read(out.count);
      default:
        return reader.skip();
    }
  });
  return read && out.campaign <= limits::campaign_id_max && out.count > 0;
}

bool read_digest(std::string_view bytes, Digest& out) {
  if (bytes.size() != out.size()) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

template <class Item>
bool read_item(ProtoReader& reader, std::vector<Item>& items, bool (*read)(std::string_view, Item&)) {
  std::string_view bytes;
  return items.size() < batch_offsets_max && reader.read(bytes) && read(bytes, items.emplace_back());
}

bool read_partition(ProtoReader& reader, Partition& out) {
  std::uint32_t number = 0;
  if (!reader.read(number) || number > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()))
    return false;
  out = Partition{static_cast<std::int32_t>(number)};
  return true;
}

bool read_frame(std::string_view payload, ResultBatch& batch, Columns& columns) {
  return read_leniently(payload, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return read_partition(reader, batch.partition);
      case 2:
        return reader.read(batch.first_offset.value);
      case 3:
        return reader.read(batch.last_offset.value);
      case 4:
        return reader.read(batch.epoch.value);
      case 5:
        return read_once(reader, columns.kinds);
      case 6:
        return read_once(reader, columns.nonces);
      case 7:
        return read_once(reader, columns.sequences);
      case 8:
        return read_once(reader, columns.issued_at_deltas);
      case 9:
        return read_once(reader, columns.winners);
      case 10:
        return read_item(reader, batch.campaigns, read_counters);
      case 11:
        return read_item(reader, batch.commands, read_command);
      case 12:
        return read_item(reader, batch.replays, read_replay);
      case 13:
        return read_item(reader, columns.runs, read_run);
      case 14:
        return reader.read(batch.log_time.value);
      case 15:
        return read_item(reader, columns.digests, read_digest);
      case 16:
        return read_once(reader, columns.traced);
      case 17:
        return read_once(reader, columns.traces);
      default:
        return reader.skip();
    }
  });
}

// Walks the columns that stand only for some kinds, in step with the entries.
class CouponColumns {
 public:
  explicit CouponColumns(const Columns& columns)
      : sequences_(columns.sequences), deltas_(columns.issued_at_deltas), winners_(columns.winners) {}

  bool read(std::uint8_t kind, OutcomeEntry& entry) {
    std::uint64_t sequence = 0;
    std::uint64_t delta = 0;
    if (entry.campaign.value == 0 || !sequences_.varint(sequence) || !deltas_.varint(delta)) return false;
    if (sequence == 0 || sequence > std::numeric_limits<std::uint32_t>::max()) return false;
    // Unsigned, so that hostile bytes wrap instead of overflowing; the sum is checked.
    issued_at_ += static_cast<std::uint64_t>(ProtoReader::unzigzag(delta));
    if (issued_at_ > static_cast<std::uint64_t>(limits::timestamp_ms_max)) return false;
    entry.sequence = Sequence{static_cast<std::uint32_t>(sequence)};
    entry.issued_at = Timestamp{static_cast<std::int64_t>(issued_at_)};
    if ((kind & kind_winner) == 0) return true;
    if (winners_.size() < sizeof entry.winner) return false;
    std::memcpy(&entry.winner, winners_.data(), sizeof entry.winner);
    winners_.remove_prefix(sizeof entry.winner);
    return true;
  }

  bool at_end() const { return sequences_.at_end() && deltas_.at_end() && winners_.empty(); }

 private:
  ProtoReader sequences_;
  ProtoReader deltas_;
  std::string_view winners_;
  std::uint64_t issued_at_ = 0;
};

bool read_entries(const Columns& columns, ResultBatch& batch) {
  const std::size_t count = columns.kinds.size();
  std::uint64_t in_runs = 0;
  for (const Run& run : columns.runs) in_runs += run.count;
  if (columns.nonces.size() != count * sizeof(std::uint32_t) || in_runs != count) return false;

  batch.entries.resize(count);
  CouponColumns coupons(columns);
  std::size_t i = 0;
  for (const Run& run : columns.runs) {
    for (const std::size_t end = i + run.count; i < end; ++i) {
      const auto number = static_cast<std::uint8_t>(columns.kinds[i]);
      const std::uint8_t kind = kind_table[number];
      OutcomeEntry& entry = batch.entries[i];
      entry.offset = Offset{batch.first_offset.value + static_cast<std::int64_t>(i)};
      entry.outcome = static_cast<Outcome>(number);
      std::memcpy(&entry.nonce, columns.nonces.data() + i * sizeof entry.nonce, sizeof entry.nonce);
      entry.campaign = CampaignId{run.campaign};
      if ((kind & kind_coupon) != 0) {
        if (!coupons.read(kind, entry)) return false;
      } else if (kind == 0) {
        return false;
      }
    }
  }
  return coupons.at_end();
}

bool assign_digests(const Columns& columns, ResultBatch& batch) {
  if (columns.digests.empty()) return true;
  if (columns.digests.size() != batch.campaigns.size()) return false;
  for (std::size_t i = 0; i < columns.digests.size(); ++i) batch.campaigns[i].digest = columns.digests[i];
  return true;
}

bool read_traces(const Columns& columns, ResultBatch& batch) {
  ProtoReader places(columns.traced);
  std::string_view contexts = columns.traces;
  std::int64_t last = -1;
  while (!places.at_end()) {
    std::uint64_t place = 0;
    if (!places.varint(place) || place >= batch.entries.size() || static_cast<std::int64_t>(place) <= last)
      return false;
    if (contexts.size() < trace_context_bytes) return false;
    const auto trace = read_trace_context(contexts);
    if (!trace) return false;
    contexts.remove_prefix(trace_context_bytes);
    last = static_cast<std::int64_t>(place);
    batch.traces.push_back({batch.first_offset + last, *trace});
  }
  return contexts.empty();
}

// Commands stand for their entries, replays for entries of any kind; both in ascending order.
bool fits_entries(const ResultBatch& batch) {
  const auto within = [&](Offset offset) { return offset >= batch.first_offset && offset <= batch.last_offset; };
  const auto out_of_order = [](const auto& a, const auto& b) { return a.offset >= b.offset; };
  if (std::ranges::adjacent_find(batch.commands, out_of_order) != batch.commands.end()) return false;
  if (std::ranges::adjacent_find(batch.replays, out_of_order) != batch.replays.end()) return false;
  for (const CommandResult& command : batch.commands) {
    if (!within(command.offset) || batch.entry(command.offset).outcome != command.outcome) return false;
    if (command.after && command.after->id != batch.entry(command.offset).campaign) return false;
  }
  for (const ReplayResult& replay : batch.replays) {
    if (!within(replay.offset) || batch.entry(replay.offset).outcome == Outcome::none) return false;
  }
  return true;
}

}  // namespace

Result<ResultBatch> decode_result_batch(std::string_view payload) {
  const auto refuse = [](const char* why) { return fail(Error::Kind::invalid, std::string("no ResultBatch: ") + why); };
  Result<ResultBatch> decoded;
  ResultBatch& batch = *decoded;
  Columns columns;
  if (!read_frame(payload, batch, columns)) return refuse("malformed, or with a number out of its bounds");
  if (!is_offset(batch.first_offset) || batch.last_offset < batch.first_offset || batch.epoch.value < 0 ||
      !is_valid_time(batch.log_time)) {
    return refuse("its range, epoch or log time is out of bounds");
  }
  const auto distance = static_cast<std::uint64_t>(batch.last_offset - batch.first_offset);
  if (distance >= batch_offsets_max) return refuse("it spans too many offsets");
  if (columns.kinds.size() != distance + 1) return refuse("it does not hold one entry per offset");
  if (!read_entries(columns, batch)) return refuse("its entries contradict each other");
  if (!assign_digests(columns, batch)) return refuse("its digests are not one a campaign");
  if (!read_traces(columns, batch)) return refuse("its traces do not fit its entries");
  if (!fits_entries(batch)) return refuse("its commands or replays do not fit its entries");
  return decoded;
}

}  // namespace openrun::wire
