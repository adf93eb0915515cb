// The core behind its decoder: the input chooses records, valid and broken ones, which go through wire::decode into the
// machine and, beside it, into the reference model of its tests. After each record: the same decision, the invariants
// of step, state and progress, and a second machine, restored from what would have been written, that cannot be told
// from the first.
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <openrun/issuance/invariants.hpp>
#include <openrun/issuance/machine.hpp>
#include <openrun/wire/log_record.hpp>

#include "fuzz.hpp"
#include "src/test_reference_model.hpp"
#include "src/test_rows.hpp"

namespace openrun::fuzz {
namespace {

using namespace openrun::issuance;
using issuance::testing::ReferenceModel;
using issuance::testing::Rows;
using issuance::testing::same_state;

constexpr Timestamp noon{12 * 3'600'000};
constexpr std::size_t records_max = 64;

// Few users, keys and campaigns: it is their meetings that matter.
constexpr std::string_view users[] = {"ada", "bo", "\xED\x95\x9C\xEA\xB8\x80", "\xFF", ""};
constexpr std::string_view keys[] = {"", "k1", "k2", "k3"};

std::uint32_t campaign_from(Choices& choices) {
  return static_cast<std::uint32_t>(choices.one_of(4));  // 0 is no campaign
}

Timestamp time_from(Choices& choices) {
  return noon + (static_cast<std::int64_t>(choices.byte()) - 64) * 10;
}

Policy policy_from(Choices& choices) {
  Policy policy;
  policy.max_per_user = static_cast<std::uint32_t>(1 + choices.one_of(3));
  if (choices.flag()) policy.valid_for_seconds = 60;
  return policy;
}

CampaignTerms terms_from(Choices& choices) {
  CampaignTerms terms;
  terms.name = "spring";
  terms.stock = choices.one_of(8) == 0 ? 0xFFFFFFFF : static_cast<std::uint32_t>(choices.one_of(6));
  terms.starts_at = time_from(choices);
  if (choices.flag()) terms.ends_at = time_from(choices);
  terms.policy = policy_from(choices);
  return terms;
}

ChangeCampaign change_from(Choices& choices) {
  ChangeCampaign change;
  if (choices.flag()) change.name = "summer";
  if (choices.flag()) change.description = "a longer text";
  if (choices.flag()) change.starts_at = time_from(choices);
  if (choices.flag()) change.ends_at = choices.flag() ? std::optional(time_from(choices)) : std::nullopt;
  if (choices.flag()) change.policy = policy_from(choices);
  return change;
}

std::int64_t stock_from(Choices& choices) {
  const auto step = static_cast<std::int64_t>(choices.byte()) - 128;
  return choices.one_of(8) == 0 ? step * 33'554'432 : step / 16;
}

std::string command_from(Choices& choices, std::uint32_t nonce, Offset offset) {
  CampaignCommand command;
  command.campaign = CampaignId{campaign_from(choices)};
  command.idempotency_key =
      choices.one_of(4) == 0 ? std::string(keys[choices.one_of(4)]) : std::to_string(offset.value);
  switch (choices.one_of(8)) {
    case 0:
    case 1:
      command.action = CreateCampaign{terms_from(choices)};
      break;
    case 2:
      command.action = ChangeCampaign(change_from(choices));
      break;
    case 3:
    case 4:
      command.action = AddStock{stock_from(choices)};
      break;
    case 5:
      command.action = PauseCampaign{};
      break;
    case 6:
      command.action = ResumeCampaign{};
      break;
    default:
      command.action = CloseCampaign{};
      break;
  }
  return wire::encode_command(nonce, command);
}

std::string request_from(Choices& choices, std::uint32_t nonce) {
  const CampaignId campaign{campaign_from(choices)};
  const std::string_view user = users[choices.one_of(5)];
  return wire::encode_request(nonce, campaign, user, keys[choices.one_of(4)]);
}

// The core and what it is compared with.
class Partition3 {
 public:
  Partition3() : machine_(empty(), 1), restarted_(empty(), 2) {}

  [[nodiscard]] Offset next_offset() const { return machine_.next_offset(); }
  [[nodiscard]] std::optional<Offset> dead_letter(std::size_t which) const {
    const auto& open = reference_.open_dead_letters();
    if (open.empty()) return std::nullopt;
    return open[which % open.size()];
  }

  // False where the record asks for rules of another version: the writer stops there.
  bool apply(std::string_view value, Offset offset, Timestamp time) {
    auto decoded = wire::decode(value);
    Input input{offset, time, Undecidable{decoded ? "" : decoded.error().reason}};
    if (decoded) input.event = std::move(decoded->event);
    if (const auto* version = std::get_if<DecisionVersion>(&input.event)) {
      if (version->version > decision_version_supported) return false;
    }
    step(input);
    return true;
  }

 private:
  static PartitionSnapshot empty() {
    PartitionSnapshot snapshot;
    snapshot.partition = Partition{3};
    return snapshot;
  }

  std::optional<Campaign> named(const Event& event) const {
    const auto id = campaign_of(event);
    const Campaign* const found = id ? machine_.find(*id) : nullptr;
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  static void expect_none(const std::vector<Violation>& violations) {
    if (!violations.empty()) require(false, violations.front().invariant.c_str(), violations.front().detail);
  }

  void step(const Input& input) {
    rows_.restore_missing(machine_, input.event, seed_);
    const auto before = named(input.event);
    const Progress progress_before{machine_.next_offset(), machine_.log_time()};
    const Decision decision = machine_.apply(input);
    expect_none(check_state(machine_));
    expect_none(check_progress(progress_before, decision, {machine_.next_offset(), machine_.log_time()}));
    expect_none(check_step(before, decision, named(input.event), judged_at(input.event, machine_.log_time())));

    const Decision expected = reference_.decide(input);
    require(decision == expected, "the machine decides as the reference model does",
            std::string(to_string(decision.outcome)) + " instead of " + to_string(expected.outcome));
    compare_campaigns();

    restarted_ = Rows::restart(restarted_, ++seed_);
    rows_.restore_missing(restarted_, input.event, seed_);
    require(restarted_.apply(input) == decision, "a restart cannot be observed");
    rows_.commit(machine_, input.event, decision);
    require(same_state(machine_, restarted_), "what is written restores the same state");
    if (decision.outcome == Outcome::dead_lettered && !machine_.is_open_dead_letter(input.offset)) {
      require(std::holds_alternative<Replay>(input.event), "only a replay is dead-lettered without a row of its own");
    }
  }

  void compare_campaigns() const {
    for (const CampaignId id : {CampaignId{1}, CampaignId{2}, CampaignId{3}}) {
      const Campaign* const held = machine_.find(id);
      const ReferenceModel::Campaign* const expected = reference_.find(id);
      require((held == nullptr) == (expected == nullptr), "both know the same campaigns");
      if (held == nullptr) continue;
      require(held->terms == expected->terms && held->paused == expected->paused && held->closed == expected->closed &&
                  held->issued == reference_.coupons_of(id).size(),
              "both hold the same campaign");
    }
  }

  Machine machine_;
  Machine restarted_;
  Rows rows_;
  ReferenceModel reference_;
  std::uint64_t seed_ = 1;
};

std::string record_from(Choices& choices, const Partition3& partition, const std::deque<std::string>& written) {
  const auto nonce = static_cast<std::uint32_t>(written.size());
  switch (choices.one_of(16)) {
    case 0:  // no record at all
      return std::string(choices.text(choices.one_of(8)));
    case 1: {  // one byte of an earlier one changed
      if (written.empty()) return {};
      std::string value = written[choices.byte() % written.size()];
      if (!value.empty()) value[choices.byte() % value.size()] = static_cast<char>(choices.byte());
      return value;
    }
    case 2:
    case 3: {  // a replay of an open dead letter, or of something else, with any original
      const Offset origin = partition.dead_letter(choices.byte()).value_or(Offset{choices.byte()});
      const std::string original = choices.flag() ? request_from(choices, nonce) : command_from(choices, nonce, origin);
      return wire::encode_replay(nonce, origin, time_from(choices), original, 1);
    }
    case 4:  // DecisionVersion
      return {'\x2A', '\x02', '\x08', static_cast<char>(choices.one_of(16) == 0 ? 2 : 1)};
    case 5:
    case 6:
    case 7:
      return command_from(choices, nonce, partition.next_offset());
    default:
      return request_from(choices, nonce);
  }
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun;
  using namespace openrun::fuzz;
  Choices choices(text_of(data, size));
  Partition3 partition;
  std::deque<std::string> written;  // the bytes outlive the events that point into them
  Timestamp time = noon;
  while (!choices.at_end() && written.size() < records_max) {
    const std::uint8_t pace = choices.byte();
    // A clock may step back, and compaction or aborted transactions may leave gaps.
    time = time + (static_cast<std::int64_t>(pace & 0x1F) - 8) * 10;
    const Offset offset = partition.next_offset() + (pace >> 7);
    written.push_back(record_from(choices, partition, written));
    if (!partition.apply(written.back(), offset, time)) break;
  }
  return 0;
}
