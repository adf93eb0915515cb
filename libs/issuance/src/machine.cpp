#include <algorithm>
#include <utility>

#include <openrun/base/assert.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/issuance/machine.hpp>

namespace openrun::issuance {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

bool ends_before_start(Timestamp starts_at, const std::optional<Timestamp>& ends_at) {
  return ends_at && *ends_at <= starts_at;
}

Outcome change(Campaign& campaign, const ChangeCampaign& action) {
  if (campaign.issued > 0 && (action.starts_at || action.policy)) return Outcome::command_already_started;
  CampaignTerms& terms = campaign.terms;
  const Timestamp starts_at = action.starts_at.value_or(terms.starts_at);
  const std::optional<Timestamp> ends_at = action.ends_at.value_or(terms.ends_at);
  if (ends_before_start(starts_at, ends_at)) return Outcome::command_ends_before_start;

  terms.starts_at = starts_at;
  terms.ends_at = ends_at;
  if (action.name) terms.name = *action.name;
  if (action.description) terms.description = *action.description;
  if (action.policy) terms.policy = *action.policy;
  return Outcome::command_applied;
}

Outcome add_stock(Campaign& campaign, const AddStock& action) {
  if (campaign.closed) return Outcome::command_closed;
  const std::int64_t stock = campaign.terms.stock;
  // Compared without adding: `add` may be any number, and the sum could overflow.
  if (action.add < campaign.issued - stock) return Outcome::command_below_issued;
  if (action.add > limits::stock_max - stock) return Outcome::command_stock_above_limit;
  campaign.terms.stock = static_cast<std::uint32_t>(stock + action.add);
  return Outcome::command_applied;
}

Outcome set_paused(Campaign& campaign, bool paused) {
  if (campaign.closed) return Outcome::command_closed;
  campaign.paused = paused;
  return Outcome::command_applied;
}

void remember(CampaignDetail& detail, const std::string& idempotency_key, Offset offset) {
  detail.commands.push_back({idempotency_key, offset});
  if (detail.commands.size() > limits::command_keys_remembered) detail.commands.pop_front();
}

}  // namespace

Machine::Machine(PartitionSnapshot snapshot, std::uint64_t hash_seed)
    : partition_(snapshot.partition),
      next_offset_(snapshot.next_offset),
      log_time_(snapshot.log_time),
      decision_version_(snapshot.decision_version),
      hash_seed_(hash_seed),
      open_dead_letters_(snapshot.open_dead_letters.begin(), snapshot.open_dead_letters.end()) {
  OPENRUN_ASSERT(decision_version_ <= decision_version_supported, "a state of decision rules that are not known here");
  for (Campaign& campaign : snapshot.campaigns) {
    const CampaignId id = campaign.id;
    const bool added = campaigns_.emplace(id, Entry{std::move(campaign), std::nullopt}).second;
    OPENRUN_ASSERT(added, "a snapshot holds a campaign twice");
  }
}

const Machine::Entry* Machine::look_up(CampaignId campaign) const {
  if (last_.entry != nullptr && last_.entry->campaign.id == campaign) return last_.entry;
  const auto found = campaigns_.find(campaign);
  return found == campaigns_.end() ? nullptr : &found->second;
}

Machine::Entry* Machine::entry(CampaignId campaign) {
  if (last_.entry != nullptr && last_.entry->campaign.id == campaign) return last_.entry;
  const auto found = campaigns_.find(campaign);
  if (found == campaigns_.end()) return nullptr;
  OPENRUN_ASSERT(found->second.detail.has_value(), "a record names a campaign that was not restored");
  last_.entry = &found->second;
  return last_.entry;
}

std::optional<CampaignId> Machine::missing(const Event& event) const {
  const std::optional<CampaignId> named = campaign_of(event);
  if (!named) return std::nullopt;
  const Entry* const found = look_up(*named);
  return found != nullptr && !found->detail ? named : std::nullopt;
}

void Machine::restore(CampaignId campaign, CampaignDetail detail) {
  const auto found = campaigns_.find(campaign);
  OPENRUN_ASSERT(found != campaigns_.end(), "the detail of a campaign that is not there");
  OPENRUN_ASSERT(!found->second.detail, "a campaign is restored twice");
  OPENRUN_ASSERT(detail.claims.size() == found->second.campaign.issued, "a campaign's coupons and its counter differ");
  OPENRUN_ASSERT(std::ranges::is_sorted(detail.commands, {}, &RememberedCommand::offset), "commands out of order");
  while (detail.commands.size() > limits::command_keys_remembered) detail.commands.pop_front();
  found->second.detail = std::move(detail);
}

Decision Machine::apply(const Input& input) {
  OPENRUN_ASSERT(input.offset >= next_offset_, "a record is decided twice, or out of order");
  next_offset_ = input.offset + 1;
  log_time_ = std::max(log_time_, input.time);

  Decision decision;
  decision.offset = input.offset;
  decision.time = log_time_;
  std::visit(Overloaded{
                 [&](const IssueRequested& request) { decide(request, log_time_, decision); },
                 [&](const CampaignCommand& command) { decide(command, decision); },
                 [&](const Replay& replay) { decide(replay, decision); },
                 [&](const DecisionVersion& version) { decide(version, decision); },
                 [&](const Undecidable& /*record*/) {
                   open_dead_letters_.insert(input.offset);
                   decision.outcome = Outcome::dead_lettered;
                 },
             },
             input.event);
  return decision;
}

void Machine::decide(const IssueRequested& request, Timestamp judged_at, Decision& decision) {
  decision.campaign = request.campaign;
  const auto refuse = [&](Outcome outcome) { decision.outcome = outcome; };
  const auto show = [&](Outcome outcome, const Claim& claim) {
    decision.outcome = outcome;
    decision.sequence = claim.sequence;
    decision.time = claim.issued_at;
  };

  Entry* const found = entry(request.campaign);
  if (found == nullptr) return refuse(Outcome::campaign_not_found);
  Campaign& campaign = found->campaign;
  const CampaignTerms& terms = campaign.terms;
  ClaimTable& claims = found->detail->claims;

  if (judged_at < terms.starts_at) return refuse(Outcome::not_started);
  // Where one coupon is all a user gets, the key plays no part: another key must not open a second door.
  const bool one_each = terms.policy.max_per_user <= 1;
  const std::string_view key = one_each ? std::string_view{} : request.idempotency_key;
  if (const auto claim = claims.find(request.user, key)) {
    // A producer may have sent the record twice: its user has asked once, and is told of the coupon that was won.
    const bool same_request = request.nonce != 0 && request.nonce == claim->nonce;
    return show(one_each && !same_request ? Outcome::already_issued : Outcome::issued_before, *claim);
  }
  if (!one_each && claims.count(request.user) >= terms.policy.max_per_user) return refuse(Outcome::limit_reached);
  if (campaign.paused) return refuse(Outcome::paused);
  if (campaign.closed) return refuse(Outcome::closed);
  if (terms.ends_at && judged_at >= *terms.ends_at) return refuse(Outcome::ended);
  if (campaign.issued >= terms.stock) return refuse(Outcome::sold_out);

  const Claim claim{Sequence{++campaign.issued}, log_time_, request.nonce};
  claims.insert(request.user, key, claim);
  show(Outcome::issued, claim);
}

void Machine::decide(const Replay& replay, Decision& decision) {
  decision.campaign = campaign_of(replay).value_or(CampaignId{});
  const auto origin = open_dead_letters_.find(replay.origin);
  if (origin == open_dead_letters_.end()) {
    decision.outcome = Outcome::replay_ignored;
    return;
  }
  if (std::holds_alternative<Undecidable>(replay.original)) {
    // The origin stays open, to be tried again once it is repaired.
    decision.outcome = Outcome::dead_lettered;
    return;
  }
  open_dead_letters_.erase(origin);
  decision.origin = replay.origin;
  if (const auto* request = std::get_if<IssueRequested>(&replay.original)) {
    decide(*request, replay.first_arrival, decision);
  } else {
    decide(std::get<CampaignCommand>(replay.original), decision);
  }
}

void Machine::decide(const DecisionVersion& version, Decision& decision) {
  OPENRUN_ASSERT(version.version <= decision_version_supported, "a decision version that is not known here");
  decision_version_ = version.version;
  decision.outcome = Outcome::version_changed;
}

void Machine::decide(const CampaignCommand& command, Decision& decision) {
  decision.campaign = command.campaign;
  Entry* found = entry(command.campaign);
  if (found == nullptr) {
    const auto* action = std::get_if<CreateCampaign>(&command.action);
    decision.outcome =
        action == nullptr ? Outcome::command_campaign_not_found : create(command.campaign, *action, decision.offset);
    found = entry(command.campaign);
    // Without a campaign there is nothing to remember the refusal by; asked again, it is decided again.
    if (found == nullptr) return;
  } else {
    const auto& commands = found->detail->commands;
    const auto first = std::ranges::find(commands, command.idempotency_key, &RememberedCommand::idempotency_key);
    if (first != commands.end()) {
      decision.outcome = Outcome::command_repeated;
      decision.first_offset = first->offset;
      return;
    }
    decision.outcome = carry_out(found->campaign, command, decision.offset);
  }
  // Refusals too: the same key again gets the same answer, whatever has changed since.
  remember(*found->detail, command.idempotency_key, decision.offset);
}

Outcome Machine::create(CampaignId campaign, const CreateCampaign& action, Offset offset) {
  if (ends_before_start(action.terms.starts_at, action.terms.ends_at)) return Outcome::command_ends_before_start;
  Entry made;
  made.campaign.id = campaign;
  made.campaign.terms = action.terms;
  made.campaign.created_at = log_time_;
  made.campaign.updated_at = log_time_;
  made.campaign.terms_offset = offset;
  made.detail = CampaignDetail{ClaimTable(hash_seed_), {}};
  campaigns_.emplace(campaign, std::move(made));
  return Outcome::command_applied;
}

Outcome Machine::carry_out(Campaign& campaign, const CampaignCommand& command, Offset offset) const {
  const Campaign before = campaign;
  const Outcome outcome =
      std::visit(Overloaded{
                     [&](const CreateCampaign& /*action*/) { return Outcome::command_campaign_exists; },
                     [&](const ChangeCampaign& action) { return change(campaign, action); },
                     [&](const AddStock& action) { return add_stock(campaign, action); },
                     [&](const PauseCampaign& /*action*/) { return set_paused(campaign, true); },
                     [&](const ResumeCampaign& /*action*/) { return set_paused(campaign, false); },
                     [&](const CloseCampaign& /*action*/) {
                       campaign.closed = true;
                       return Outcome::command_applied;
                     },
                 },
                 command.action);
  // Only what changed gets a new version: caches need not read again what is as it was.
  if (campaign != before) {
    campaign.updated_at = log_time_;
    campaign.terms_offset = offset;
  }
  return outcome;
}

const Campaign* Machine::find(CampaignId campaign) const {
  const Entry* const found = look_up(campaign);
  return found == nullptr ? nullptr : &found->campaign;
}

const CampaignDetail* Machine::detail(CampaignId campaign) const {
  const Entry* const found = look_up(campaign);
  return found == nullptr || !found->detail ? nullptr : &*found->detail;
}

std::vector<CampaignId> Machine::campaign_ids() const {
  std::vector<CampaignId> ids;
  ids.reserve(campaigns_.size());
  for (const auto& [id, entry] : campaigns_) ids.push_back(id);
  return ids;
}

bool Machine::remembers(CampaignId campaign, Offset offset) const {
  const CampaignDetail* const found = detail(campaign);
  return found != nullptr && !found->commands.empty() && found->commands.back().offset == offset;
}

PartitionSnapshot Machine::snapshot() const {
  PartitionSnapshot snapshot;
  snapshot.partition = partition_;
  snapshot.next_offset = next_offset_;
  snapshot.log_time = log_time_;
  snapshot.decision_version = decision_version_;
  snapshot.campaigns.reserve(campaigns_.size());
  for (const auto& [id, entry] : campaigns_) snapshot.campaigns.push_back(entry.campaign);
  snapshot.open_dead_letters.assign(open_dead_letters_.begin(), open_dead_letters_.end());
  return snapshot;
}

}  // namespace openrun::issuance
