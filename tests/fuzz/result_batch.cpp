// Batches of openrun.results. Any bytes: what is accepted is consistent, and protobuf agrees where it has an opinion.
// Chosen decisions: what is built decodes to what was decided. An input is protobuf's text format where it can be read
// as such, else the batch's bytes; both are also the choices of decisions.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <openrun/base/limits.hpp>
#include <openrun/v1/results.pb.h>
#include <openrun/wire/result_batch.hpp>

#include "fuzz.hpp"
#include "proto_input.hpp"

namespace openrun::fuzz {
namespace {

using issuance::Campaign;
using issuance::Decision;
using issuance::Outcome;

bool has_coupon(Outcome outcome) {
  return issuance::is_issued(outcome) || outcome == Outcome::already_issued;
}

void check_accepted(const wire::ResultBatch& batch, std::string_view payload) {
  require(batch.first_offset.value >= 0 && batch.first_offset <= batch.last_offset && batch.partition.value >= 0,
          "a batch names a range");
  const auto count = static_cast<std::size_t>(batch.last_offset - batch.first_offset) + 1;
  require(batch.entries.size() == count && count <= wire::batch_offsets_max, "a batch is dense and bounded");
  for (std::size_t i = 0; i < count; ++i) {
    const wire::OutcomeEntry& entry = batch.entries[i];
    require(entry.offset == batch.first_offset + static_cast<std::int64_t>(i), "entries stand in their order");
    require(has_coupon(entry.outcome) == (entry.sequence.value != 0), "a sequence stands where a coupon is");
    require(entry.issued_at.value >= 0 && entry.issued_at.value <= limits::timestamp_ms_max,
            "a time is within its bounds");
    require(entry.campaign.value <= limits::campaign_id_max, "a campaign is within its bounds");
  }
  for (const auto& command : batch.commands) {
    require(issuance::is_command(command.outcome) && command.offset >= batch.first_offset &&
                command.offset <= batch.last_offset,
            "a command stands for its entry");
    if (command.after) require(command.after->issued <= command.after->terms.stock, "issued is within the stock");
  }
  for (const auto& counters : batch.campaigns) require(counters.issued <= counters.stock, "issued is within the stock");
  for (const auto& replay : batch.replays) require(replay.origin < replay.offset, "an origin lies before its replay");

  v1::ResultBatch message;
  require(message.ParseFromArray(payload.data(), static_cast<int>(payload.size())), "protobuf reads what is accepted");
  require(message.partition() == batch.partition.value && message.first_offset() == batch.first_offset.value &&
              message.last_offset() == batch.last_offset.value && message.epoch() == batch.epoch.value &&
              message.log_time_ms() == batch.log_time.value,
          "protobuf reads the same range", message.DebugString());
  require(message.campaigns_size() == static_cast<int>(batch.campaigns.size()) &&
              message.commands_size() == static_cast<int>(batch.commands.size()) &&
              message.replays_size() == static_cast<int>(batch.replays.size()),
          "protobuf reads as many items", message.DebugString());
  for (std::size_t i = 0; i < count && message.nonces_size() == static_cast<int>(count); ++i) {
    require(batch.entries[i].nonce == message.nonces(static_cast<int>(i)), "protobuf reads the same nonces");
  }
}

void check_bytes(std::string_view input) {
  const std::string payload = proto_input<v1::ResultBatch>(input);
  const std::unique_ptr<char[]> exact(new char[payload.size()]);
  payload.copy(exact.get(), payload.size());
  const std::string_view view(exact.get(), payload.size());
  const auto batch = wire::decode_result_batch(view);
  require(wire::decode_result_batch(view).has_value() == batch.has_value(), "the same bytes give the same answer");
  if (batch) check_accepted(*batch, view);
}

struct Expected {
  Decision decision;
  std::uint32_t nonce = 0;
  std::uint64_t winner = 0;
  bool has_after = false;
};

Campaign campaign_of(Choices& choices, CampaignId id) {
  Campaign campaign;
  campaign.id = id;
  campaign.terms.name = "spring";
  campaign.terms.stock = static_cast<std::uint32_t>(choices.number(4));
  campaign.issued =
      campaign.terms.stock == 0 ? 0 : static_cast<std::uint32_t>(choices.number(4) % campaign.terms.stock);
  campaign.terms.starts_at = Timestamp{static_cast<std::int64_t>(choices.number(6) % limits::timestamp_ms_max)};
  if (choices.flag()) campaign.terms.ends_at = Timestamp{static_cast<std::int64_t>(choices.number(5))};
  campaign.paused = choices.flag();
  campaign.closed = choices.flag();
  campaign.terms_offset = Offset{static_cast<std::int64_t>(choices.number(3))};
  return campaign;
}

Expected expected_at(Choices& choices, Offset offset) {
  Expected expected;
  Decision& decision = expected.decision;
  decision.offset = offset;
  decision.outcome = issuance::all_outcomes[choices.one_of(issuance::all_outcomes.size())];
  decision.campaign = CampaignId{static_cast<std::uint32_t>(choices.one_of(4) == 0 ? choices.number(4) >> 1 : 1)};
  expected.nonce = static_cast<std::uint32_t>(choices.number(2) * 65'537);
  if (has_coupon(decision.outcome)) {
    decision.campaign.value = std::max(decision.campaign.value, 1U);
    decision.sequence = Sequence{static_cast<std::uint32_t>(choices.number(4) | 1)};
    decision.time = Timestamp{static_cast<std::int64_t>(choices.number(6) % limits::timestamp_ms_max)};
    if (decision.outcome == Outcome::issued) expected.winner = choices.number(8);
  }
  if (decision.outcome == Outcome::command_repeated) decision.first_offset = Offset{offset.value / 2};
  if (offset.value > 0 && choices.one_of(8) == 0) decision.origin = Offset{offset.value - 1};
  expected.has_after = decision.outcome == Outcome::command_applied;
  if (expected.has_after) decision.campaign.value = std::max(decision.campaign.value, 1U);
  return expected;
}

bool same(const Campaign& campaign, const wire::CampaignCounters& counters) {
  return campaign.id == counters.campaign && campaign.terms.stock == counters.stock &&
         campaign.issued == counters.issued && campaign.paused == counters.paused &&
         campaign.closed == counters.closed && campaign.terms.starts_at == counters.starts_at &&
         campaign.terms.ends_at == counters.ends_at && campaign.terms_offset == counters.terms_offset;
}

void check_entry(const Expected& expected, const wire::OutcomeEntry& entry) {
  const Decision& decision = expected.decision;
  require(entry.outcome == decision.outcome && entry.campaign == decision.campaign && entry.nonce == expected.nonce &&
              entry.sequence == decision.sequence && entry.winner == expected.winner,
          "an entry is what was decided");
  if (decision.sequence.value != 0) require(entry.issued_at == decision.time, "a coupon's time is what was decided");
}

void check_built(Choices choices) {
  const Offset first{static_cast<std::int64_t>(choices.number(4))};
  wire::ResultBatchBuilder builder(Partition{choices.byte()}, Epoch{choices.byte()}, first);
  std::vector<Expected> decided;
  std::vector<Campaign> afters;
  Offset offset = first;
  while (!choices.at_end() || decided.empty()) {
    const std::size_t gap = choices.one_of(128);  // mostly none; a long one costs time
    if (gap < 8) offset = offset + static_cast<std::int64_t>(gap == 0 ? choices.number(2) : gap);
    if (!builder.spans(offset)) break;
    decided.push_back(expected_at(choices, offset));
    const Expected& expected = decided.back();
    if (expected.has_after) afters.push_back(campaign_of(choices, expected.decision.campaign));
    builder.add(expected.decision, expected.nonce, expected.winner, expected.has_after ? &afters.back() : nullptr);
    offset = offset + 1;
  }
  if (decided.empty()) return;
  const std::size_t bound = builder.bytes() + afters.size() * wire::campaign_counters_bytes_max;
  const std::string payload = builder.finish(afters, Timestamp{1'800'000'000'000});
  require(payload.size() <= bound, "a batch is as long as it was said to be at most");
  const auto batch = wire::decode_result_batch(payload);
  require(batch.has_value(), "what is built can be read", batch ? "" : batch.error().message);
  check_accepted(*batch, payload);
  for (const Expected& expected : decided) {
    check_entry(expected, batch->entries[static_cast<std::size_t>(expected.decision.offset - first)]);
  }
  require(batch->campaigns.size() == afters.size() && std::ranges::equal(afters, batch->campaigns, same),
          "counters are what was told");
  auto after = afters.begin();
  for (const auto& command : batch->commands) {
    if (command.after) require(*command.after == *after++, "a campaign after a command is what was told");
  }
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  check_bytes(text_of(data, size));
  check_built(Choices(text_of(data, size)));
  return 0;
}
