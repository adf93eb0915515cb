#include <algorithm>
#include <functional>
#include <initializer_list>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/issuance/invariants.hpp>

namespace openrun::issuance {
namespace {

// Collects what does not hold. The detail is put together only then: a check of a sound step allocates nothing.
class Check {
 public:
  using Numbers = std::initializer_list<std::pair<const char*, std::int64_t>>;

  void at(CampaignId campaign) { campaign_ = campaign; }
  void holds(bool condition, const char* invariant, Numbers numbers = {}) {
    if (condition) [[likely]] {
      return;
    }
    std::string detail;
    for (const auto& [name, number] : numbers) {
      if (!detail.empty()) detail += ", ";
      detail += std::string(name) + " " + std::to_string(number);
    }
    found_.push_back({invariant, campaign_, std::move(detail)});
  }
  [[nodiscard]] std::vector<Violation> found() && { return std::move(found_); }

 private:
  CampaignId campaign_;
  std::vector<Violation> found_;
};

bool is_time(Timestamp time) {
  return time.value >= 0 && time.value <= limits::timestamp_ms_max;
}

bool is_sound(const Discount& discount) {
  if (discount.type == Discount::Type::percent) {
    return discount.value >= 1 && discount.value <= 100 && discount.currency.empty();
  }
  return discount.value > 0 && discount.currency.size() == 3;
}

bool is_sound(const Policy& policy) {
  if (policy.valid_until && policy.valid_for_seconds) return false;
  if (policy.valid_until && !is_time(*policy.valid_until)) return false;
  if (policy.valid_for_seconds && *policy.valid_for_seconds <= 0) return false;
  if (policy.max_per_user < 1 || policy.max_per_user > limits::coupons_per_user_max) return false;
  return !policy.discount || is_sound(*policy.discount);
}

bool is_sound(const CampaignTerms& terms) {
  if (terms.name.size() > limits::campaign_name_bytes_max) return false;
  if (terms.description.size() > limits::campaign_description_bytes_max) return false;
  if (!is_time(terms.starts_at)) return false;
  if (terms.ends_at && (!is_time(*terms.ends_at) || *terms.ends_at <= terms.starts_at)) return false;
  return is_sound(terms.policy);
}

void check_detail(const Campaign& campaign, const CampaignDetail& detail, Offset next_offset, Check& check) {
  check.holds(detail.claims.size() == campaign.issued, "claims_are_issued",
              {{"claims", static_cast<std::int64_t>(detail.claims.size())}, {"issued", campaign.issued}});
  const auto& commands = detail.commands;
  check.holds(commands.size() <= limits::command_keys_remembered, "commands_within_limit",
              {{"commands", static_cast<std::int64_t>(commands.size())}});
  const bool ascending =
      std::ranges::adjacent_find(commands, std::greater_equal<>{}, &RememberedCommand::offset) == commands.end();
  check.holds(ascending && (commands.empty() || commands.back().offset < next_offset), "commands_in_order");
}

// Nothing but what the outcome allows has changed between two states of one campaign.
void check_change(const Campaign& before, const Decision& decision, const Campaign& after, Check& check) {
  check.holds(before.id == after.id && before.created_at == after.created_at, "campaign_keeps_its_identity");
  check.holds(!before.closed || after.closed, "closed_is_final");
  check.holds(!before.closed || (before.paused == after.paused && before.terms.stock == after.terms.stock),
              "closed_keeps_its_stock");
  check.holds(after.updated_at >= before.updated_at && after.terms_offset >= before.terms_offset, "versions_grow");
  if (decision.outcome != Outcome::command_applied) {
    check.holds(before.terms == after.terms && before.paused == after.paused && before.closed == after.closed &&
                    before.updated_at == after.updated_at && before.terms_offset == after.terms_offset,
                "only_commands_change_terms");
    return;
  }
  if (before == after) return;
  check.holds(after.terms_offset == decision.offset && after.updated_at == decision.time, "change_carries_its_version",
              {{"terms_offset", after.terms_offset.value}, {"offset", decision.offset.value}});
  check.holds(before.issued == 0 ||
                  (before.terms.starts_at == after.terms.starts_at && before.terms.policy == after.terms.policy),
              "start_and_policy_stay_after_first_coupon", {{"issued", before.issued}});
}

void check_issue(const Campaign& before, const Decision& decision, const Campaign& after, Timestamp judged_at,
                 Check& check) {
  check.holds(after.issued == std::int64_t{before.issued} + 1 && decision.sequence.value == after.issued,
              "sequence_is_next_issued",
              {{"before", before.issued}, {"after", after.issued}, {"sequence", decision.sequence.value}});
  check.holds(before.issued < before.terms.stock, "nothing_issued_beyond_stock",
              {{"issued", before.issued}, {"stock", before.terms.stock}});
  check.holds(!before.paused, "nothing_issued_while_paused");
  check.holds(!before.closed, "nothing_issued_after_close");
  check.holds(judged_at >= before.terms.starts_at, "nothing_issued_before_start", {{"judged_at", judged_at.value}});
  check.holds(!before.terms.ends_at || judged_at < *before.terms.ends_at, "nothing_issued_after_end",
              {{"judged_at", judged_at.value}});
}

bool has_cause(const Campaign& campaign, const Decision& decision, Timestamp judged_at) {
  const CampaignTerms& terms = campaign.terms;
  const std::uint32_t max_per_user = terms.policy.max_per_user;
  switch (decision.outcome) {
    case Outcome::campaign_not_found:
      return false;
    case Outcome::not_started:
      return judged_at < terms.starts_at;
    case Outcome::already_issued:
      return max_per_user <= 1 && campaign.issued >= decision.sequence.value;
    case Outcome::issued_before:
      return campaign.issued >= decision.sequence.value;
    case Outcome::limit_reached:
      return max_per_user > 1 && campaign.issued >= max_per_user;
    case Outcome::paused:
      return campaign.paused;
    case Outcome::closed:
      return campaign.closed;
    case Outcome::ended:
      return terms.ends_at && judged_at >= *terms.ends_at;
    case Outcome::sold_out:
      return campaign.issued >= terms.stock;
    default:
      return true;
  }
}

bool carries_coupon(Outcome outcome) {
  return outcome == Outcome::issued || outcome == Outcome::issued_before || outcome == Outcome::already_issued;
}

}  // namespace

std::vector<Violation> check_stored(const StoredCampaign& stored) {
  Check check;
  check.at(stored.campaign);
  check.holds(stored.issued >= 0 && stored.issued <= stored.stock, "issued_within_stock",
              {{"issued", stored.issued}, {"stock", stored.stock}});
  check.holds(stored.stock <= limits::stock_max, "stock_within_limit", {{"stock", stored.stock}});
  check.holds(stored.issued == stored.coupons, "issued_is_coupons",
              {{"issued", stored.issued}, {"coupons", stored.coupons}});
  // With unique sequences (the primary key) these bounds and the count leave no room for a gap.
  const std::int64_t first = stored.coupons > 0 ? 1 : 0;
  check.holds(
      stored.sequence_min == first && stored.sequence_max == stored.coupons, "sequences_without_gap",
      {{"sequence_min", stored.sequence_min}, {"sequence_max", stored.sequence_max}, {"coupons", stored.coupons}});
  check.holds(stored.duplicate_claims == 0, "no_duplicate_claims", {{"duplicate_claims", stored.duplicate_claims}});
  check.holds(stored.offset_max < stored.next_offset, "coupons_are_decided",
              {{"offset_max", stored.offset_max}, {"next_offset", stored.next_offset}});
  return std::move(check).found();
}

std::vector<Violation> check_state(const Machine& machine) {
  Check check;
  for (const CampaignId id : machine.campaign_ids()) {
    const Campaign& campaign = *machine.find(id);
    check.at(id);
    check.holds(id == campaign.id && id.value >= 1 && id.value <= limits::campaign_id_max, "campaign_id_within_limit");
    check.holds(campaign.issued <= campaign.terms.stock, "issued_within_stock",
                {{"issued", campaign.issued}, {"stock", campaign.terms.stock}});
    check.holds(is_sound(campaign.terms), "terms_within_limits");
    check.holds(campaign.created_at <= campaign.updated_at && campaign.updated_at <= machine.log_time(),
                "times_in_order",
                {{"created_at", campaign.created_at.value},
                 {"updated_at", campaign.updated_at.value},
                 {"log_time", machine.log_time().value}});
    check.holds(campaign.terms_offset < machine.next_offset(), "terms_are_decided",
                {{"terms_offset", campaign.terms_offset.value}, {"next_offset", machine.next_offset().value}});
    if (const CampaignDetail* detail = machine.detail(id))
      check_detail(campaign, *detail, machine.next_offset(), check);
  }
  check.at(CampaignId{});
  check.holds(!machine.has_dead_letter_from(machine.next_offset()), "dead_letters_are_decided",
              {{"next_offset", machine.next_offset().value}});
  return std::move(check).found();
}

std::vector<Violation> check_step(const std::optional<Campaign>& before, const Decision& decision,
                                  const std::optional<Campaign>& after, Timestamp judged_at) {
  Check check;
  check.at(decision.campaign);
  const Outcome outcome = decision.outcome;
  check.holds(outcome != Outcome::none, "record_has_outcome");
  check.holds(carries_coupon(outcome) == (decision.sequence.value != 0), "sequence_with_coupon_only",
              {{"outcome", static_cast<std::int64_t>(outcome)}, {"sequence", decision.sequence.value}});
  check.holds((outcome == Outcome::command_repeated) == decision.first_offset.has_value() &&
                  (!decision.first_offset || *decision.first_offset < decision.offset),
              "repeat_names_earlier_offset");
  check.holds(!decision.origin || *decision.origin < decision.offset, "origin_is_earlier");
  if (!before) {
    const bool created = outcome == Outcome::command_applied;
    check.holds(created == after.has_value(), "campaign_appears_by_command");
    check.holds(!after || (after->issued == 0 && !after->paused && !after->closed), "campaign_starts_fresh");
    check.holds(!carries_coupon(outcome) && outcome != Outcome::command_repeated, "nothing_issued_without_campaign");
    return std::move(check).found();
  }
  check.holds(after.has_value(), "campaign_stays");
  if (!after) return std::move(check).found();

  check.holds(before->id == decision.campaign, "decision_names_campaign");
  check_change(*before, decision, *after, check);
  if (outcome == Outcome::issued) {
    check_issue(*before, decision, *after, judged_at, check);
  } else {
    check.holds(before->issued == after->issued, "issued_grows_with_coupon_only",
                {{"before", before->issued}, {"after", after->issued}});
  }
  check.holds(after->issued <= after->terms.stock, "issued_within_stock",
              {{"issued", after->issued}, {"stock", after->terms.stock}});
  check.holds(has_cause(*before, decision, judged_at), "refusal_has_cause",
              {{"outcome", static_cast<std::int64_t>(outcome)}, {"judged_at", judged_at.value}});
  return std::move(check).found();
}

std::vector<Violation> check_progress(const Progress& before, const Decision& decision, const Progress& after) {
  Check check;
  check.at(decision.campaign);
  check.holds(
      decision.offset >= before.next_offset && after.next_offset == decision.offset + 1, "next_offset_grows",
      {{"before", before.next_offset.value}, {"offset", decision.offset.value}, {"after", after.next_offset.value}});
  check.holds(after.log_time >= before.log_time, "log_time_never_runs_back",
              {{"before", before.log_time.value}, {"after", after.log_time.value}});
  // A coupon from before is shown with the time of its own issue.
  const bool earlier = decision.outcome == Outcome::already_issued || decision.outcome == Outcome::issued_before;
  check.holds(earlier ? decision.time <= after.log_time : decision.time == after.log_time, "decision_carries_log_time",
              {{"time", decision.time.value}, {"log_time", after.log_time.value}});
  return std::move(check).found();
}

}  // namespace openrun::issuance
