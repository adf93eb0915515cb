#include "cli/reexecution.hpp"

#include <utility>
#include <variant>

#include <openrun/wire/log_record.hpp>

namespace openrun::cli {
namespace {

// The layout of the claim tables differs with it, never a decision.
constexpr std::uint64_t hash_seed = 0x6F70656E72756E;

void assign(std::optional<issuance::Campaign>& to, const issuance::Campaign* from) {
  if (from == nullptr) {
    to.reset();
  } else {
    to = *from;
  }
}

}  // namespace

Reexecution::Reexecution(StartState start)
    : machine_(std::move(start.snapshot), hash_seed), unknown_(std::move(start.unknown)) {
  for (auto& [campaign, detail] : start.details) machine_.restore(campaign, std::move(detail));
}

// What can't be decided again must change nothing but what it changed for certain: the log's time, and the origin that
// a replay resolved.
issuance::Event Reexecution::event_for_machine(const Step& step, const Verdict& verdict) const {
  const issuance::Event& event = step.read.input.event;
  const auto* replay = std::get_if<issuance::Replay>(&event);
  if (replay != nullptr && verdict.replay_of_discarded) {
    // An origin that no dead letter can have: ignored, as the writer ignored it.
    return issuance::Replay{step.read.input.offset, replay->first_arrival, replay->original};
  }
  if (step.known) return event;
  const issuance::IssueRequested nobody{issuance::campaign_of(event).value_or(CampaignId{}), "unknown", {}};
  if (replay != nullptr) return issuance::Replay{replay->origin, replay->first_arrival, nobody};
  return nobody;
}

Result<Step> Reexecution::apply(const ports::LogRecord& record, const Verdict& verdict) {
  Step step;
  step.read = wire::read_record(record.offset, record.time, record.value, verdict.refusal);
  const issuance::Event& event = step.read.input.event;
  if (const auto* version = std::get_if<issuance::DecisionVersion>(&event);
      version != nullptr && version->version > issuance::decision_version_supported) {
    return fail(Error::Kind::invalid, "from offset " + std::to_string(record.offset.value) +
                                          " on the decision rules have version " + std::to_string(version->version) +
                                          ", and this build knows " +
                                          std::to_string(issuance::decision_version_supported) + ": use a newer one");
  }
  if (step.read.newer_version > 0) {
    return fail(Error::Kind::invalid, "the record at offset " + std::to_string(record.offset.value) + " has version " +
                                          std::to_string(step.read.newer_version) +
                                          " of the format, and this build knows " +
                                          std::to_string(wire::record_version_supported) + ": use a newer one");
  }
  const std::optional<CampaignId> campaign = issuance::campaign_of(event);
  step.known = !campaign || !unknown_.contains(*campaign);
  assign(before_, campaign && step.known ? machine_.find(*campaign) : nullptr);
  if (before_) step.before = &*before_;
  const issuance::Progress progress{machine_.next_offset(), machine_.log_time()};
  if (step.known && !verdict.replay_of_discarded) {
    step.decision = machine_.apply(step.read.input);
  } else {
    step.decision = machine_.apply({record.offset, record.time, event_for_machine(step, verdict)});
  }
  step.violations = issuance::check_progress(progress, step.decision, {machine_.next_offset(), machine_.log_time()});
  if (!campaign || !step.known) return step;
  step.after = machine_.find(*campaign);
  assign(after_, step.after);
  auto broken = issuance::check_step(before_, step.decision, after_, issuance::judged_at(event, machine_.log_time()));
  step.violations.insert(step.violations.end(), std::make_move_iterator(broken.begin()),
                         std::make_move_iterator(broken.end()));
  return step;
}

}  // namespace openrun::cli
