#include "oracle.hpp"

#include <map>
#include <set>
#include <variant>

#include <openrun/wire/log_record.hpp>

namespace openrun::simulation {
namespace {

using namespace issuance;

struct Expected {
  Outcome outcome = Outcome::none;
  CampaignId campaign;
  Sequence sequence;
  Timestamp time;
};

struct Model {
  CampaignTerms terms;
  bool paused = false;
  bool closed = false;
  std::map<std::string, Offset> keys;                          // of commands
  std::map<std::string, std::map<std::string, Claim>> claims;  // by user, by key
  std::uint32_t issued = 0;
};

class Reference {
 public:
  Expected decide(Offset offset, Timestamp time, const Event& event);
  [[nodiscard]] const std::map<CampaignId, Model>& campaigns() const { return campaigns_; }
  [[nodiscard]] const std::set<Offset>& open() const { return open_; }

 private:
  Expected ask(const IssueRequested& request, Timestamp judged_at);
  Expected order(const CampaignCommand& command, Offset offset);
  static Outcome carry_out(Model& model, const CampaignCommand& command);
  static Outcome change(Model& model, const ChangeCampaign& action);
  Expected again(const Replay& replay, Offset offset);

  Timestamp now_;
  std::map<CampaignId, Model> campaigns_;
  std::set<Offset> open_;
};

Expected Reference::ask(const IssueRequested& request, Timestamp judged_at) {
  const auto as = [&](Outcome outcome) { return Expected{outcome, request.campaign, {}, now_}; };
  const auto found = campaigns_.find(request.campaign);
  if (found == campaigns_.end()) return as(Outcome::campaign_not_found);
  Model& model = found->second;
  if (judged_at < model.terms.starts_at) return as(Outcome::not_started);
  const bool one_each = model.terms.policy.max_per_user == 1;
  const std::string key = one_each ? "" : std::string(request.idempotency_key);
  auto& mine = model.claims[std::string(request.user)];
  if (const auto claim = mine.find(key); claim != mine.end()) {
    const auto [sequence, issued_at, nonce] = claim->second;
    const bool another = nonce == 0 || nonce != request.nonce;
    return {one_each && another ? Outcome::already_issued : Outcome::issued_before, request.campaign, sequence,
            issued_at};
  }
  if (mine.size() >= model.terms.policy.max_per_user) return as(Outcome::limit_reached);
  if (model.paused) return as(Outcome::paused);
  if (model.closed) return as(Outcome::closed);
  if (model.terms.ends_at && judged_at >= *model.terms.ends_at) return as(Outcome::ended);
  if (model.issued == model.terms.stock) return as(Outcome::sold_out);
  const Sequence sequence{++model.issued};
  mine.emplace(key, Claim{sequence, now_, request.nonce});
  return {Outcome::issued, request.campaign, sequence, now_};
}

Outcome Reference::change(Model& model, const ChangeCampaign& action) {
  if ((action.starts_at || action.policy) && model.issued > 0) return Outcome::command_already_started;
  const Timestamp starts_at = action.starts_at.value_or(model.terms.starts_at);
  const auto ends_at = action.ends_at.value_or(model.terms.ends_at);
  if (ends_at && *ends_at <= starts_at) return Outcome::command_ends_before_start;
  model.terms.starts_at = starts_at;
  model.terms.ends_at = ends_at;
  return Outcome::command_applied;
}

Outcome Reference::carry_out(Model& model, const CampaignCommand& command) {
  if (std::holds_alternative<CreateCampaign>(command.action)) return Outcome::command_campaign_exists;
  if (std::holds_alternative<CloseCampaign>(command.action)) {
    model.closed = true;
    return Outcome::command_applied;
  }
  if (const auto* changed = std::get_if<ChangeCampaign>(&command.action)) return change(model, *changed);
  if (model.closed) return Outcome::command_closed;
  if (const auto* stock = std::get_if<AddStock>(&command.action)) {
    const std::int64_t left = std::int64_t{model.terms.stock} + stock->add;
    if (left < model.issued) return Outcome::command_below_issued;
    model.terms.stock = static_cast<std::uint32_t>(left);
  }
  if (std::holds_alternative<PauseCampaign>(command.action)) model.paused = true;
  if (std::holds_alternative<ResumeCampaign>(command.action)) model.paused = false;
  return Outcome::command_applied;
}

Expected Reference::order(const CampaignCommand& command, Offset offset) {
  Expected expected{Outcome::command_applied, command.campaign, {}, now_};
  const auto found = campaigns_.find(command.campaign);
  const auto* create = std::get_if<CreateCampaign>(&command.action);
  if (found == campaigns_.end() && create == nullptr) {
    expected.outcome = Outcome::command_campaign_not_found;
    return expected;
  }
  Model& model = campaigns_[command.campaign];
  if (found == campaigns_.end()) {
    model.terms = create->terms;
  } else if (model.keys.contains(command.idempotency_key)) {
    expected.outcome = Outcome::command_repeated;
    return expected;
  } else {
    expected.outcome = carry_out(model, command);
  }
  model.keys.emplace(command.idempotency_key, offset);
  return expected;
}

Expected Reference::again(const Replay& replay, Offset offset) {
  const auto* request = std::get_if<IssueRequested>(&replay.original);
  const auto* command = std::get_if<CampaignCommand>(&replay.original);
  const CampaignId named = request != nullptr   ? request->campaign
                           : command != nullptr ? command->campaign
                                                : CampaignId{};
  if (!open_.contains(replay.origin)) return {Outcome::replay_ignored, named, {}, now_};
  if (request == nullptr && command == nullptr) return {Outcome::dead_lettered, named, {}, now_};
  open_.erase(replay.origin);
  return request != nullptr ? ask(*request, replay.first_arrival) : order(*command, offset);
}

Expected Reference::decide(Offset offset, Timestamp time, const Event& event) {
  now_ = std::max(now_, time);
  if (const auto* request = std::get_if<IssueRequested>(&event)) return ask(*request, now_);
  if (const auto* command = std::get_if<CampaignCommand>(&event)) return order(*command, offset);
  if (const auto* replay = std::get_if<Replay>(&event)) return again(*replay, offset);
  if (std::holds_alternative<DecisionVersion>(event)) return {Outcome::version_changed, {}, {}, now_};
  open_.insert(offset);
  return {Outcome::dead_lettered, {}, {}, now_};
}

// As the issuer read it: what cannot be decoded is a dead letter, and so is what the store refused.
Event understood(const sim::Broker::Record& record, const sim::DeadLetter* letter) {
  auto decoded = wire::decode(record.value);
  if (!decoded) return Undecidable{decoded.error().reason};
  if (letter == nullptr || letter->row.reason != "STORE_REFUSED") return std::move(decoded->event);
  const Undecidable verdict{letter->row.reason};
  const auto* replay = std::get_if<Replay>(&decoded->event);
  return replay == nullptr ? Event(verdict) : Event(Replay{replay->origin, replay->first_arrival, verdict});
}

void compare_campaign(Context& context, CampaignId id, const Model& model) {
  const sim::CampaignRows* rows = context.database.find(id);
  const std::string name = "campaign " + std::to_string(id.value);
  if (rows == nullptr) return context.violate(name + " is in the log and not in the store");
  const Campaign& stored = rows->row.campaign;
  const bool same = stored.issued == model.issued && stored.terms.stock == model.terms.stock &&
                    stored.terms.starts_at == model.terms.starts_at && stored.terms.ends_at == model.terms.ends_at &&
                    stored.paused == model.paused && stored.closed == model.closed;
  if (!same) context.violate(name + " in the store is not what the log says");
  std::size_t coupons = 0;
  for (const auto& [user, claims] : model.claims) {
    for (const auto& [key, claim] : claims) {
      ++coupons;
      const auto row = rows->coupons.find(claim.sequence);
      const bool there = row != rows->coupons.end() && row->second.user == user && row->second.idempotency_key == key &&
                         row->second.issued_at == claim.issued_at && row->second.request_nonce == claim.nonce;
      if (!there) context.violate(name + ": the coupon of " + user + " is not in the store");
    }
  }
  if (coupons != rows->coupons.size()) context.violate(name + " has coupons that the log does not explain");
}

}  // namespace

void compare_with_reference(Context& context, Checker& checker) {
  for (const auto& [partition, rows] : context.database.partitions()) {
    Reference reference;
    const auto& log = context.broker.records(ports::Topic::requests, partition);
    for (std::size_t i = 0; i < log.size(); ++i) {
      const Offset offset{static_cast<std::int64_t>(i)};
      const auto letter = rows.dead_letters.find(offset);
      const Event event = understood(log[i], letter == rows.dead_letters.end() ? nullptr : &letter->second);
      const Expected expected = reference.decide(offset, log[i].time, event);
      const wire::OutcomeEntry* entry = checker.outcome(partition, offset);
      const bool same = entry != nullptr && entry->outcome == expected.outcome &&
                        entry->campaign == expected.campaign && entry->sequence == expected.sequence &&
                        (expected.sequence.value == 0 || entry->issued_at == expected.time);
      if (same) continue;
      context.violate("the reference decides " + std::to_string(partition.value) + ":" + std::to_string(i) + " as " +
                      to_string(expected.outcome) + " " + std::to_string(expected.sequence.value) + ", the store has " +
                      (entry == nullptr ? "nothing" : to_string(entry->outcome)) + " " +
                      std::to_string(entry == nullptr ? 0 : entry->sequence.value));
      break;
    }
    for (const auto& [id, model] : reference.campaigns()) compare_campaign(context, id, model);
    std::set<Offset> open;
    for (const auto& [offset, letter] : rows.dead_letters) {
      if (!letter.final_offset) open.insert(offset);
    }
    if (open != reference.open()) context.violate("the open dead letters are not those that the log explains");
  }
}

}  // namespace openrun::simulation
