// What gateways tell.
#include <openrun/wire/json.hpp>
#include <openrun/wire/log_record.hpp>

#include "checker.hpp"

namespace openrun::simulation {
namespace {

using issuance::Outcome;

const wire::JsonValue* member(const wire::JsonValue& value, std::string_view name) {
  const auto* object = value.get<wire::JsonObject>();
  if (object == nullptr) return nullptr;
  for (const wire::JsonMember& one : *object) {
    if (one.first == name) return &one.second;
  }
  return nullptr;
}

std::string text_of(const wire::JsonValue& value, std::string_view name) {
  const auto* found = member(value, name);
  const auto* text = found == nullptr ? nullptr : found->get<std::string>();
  return text == nullptr ? std::string() : *text;
}

std::int64_t number_of(const wire::JsonValue& value, std::string_view name) {
  const auto* found = member(value, name);
  const auto* number = found == nullptr ? nullptr : found->get<std::int64_t>();
  return number == nullptr ? 0 : *number;
}

// How a decided outcome stands in an answer.
std::string state_of(Outcome outcome) {
  if (issuance::is_issued(outcome)) return "issued";
  if (outcome == Outcome::dead_lettered) return "failed";
  if (outcome == Outcome::command_applied || outcome == Outcome::command_repeated) return "applied";
  return "rejected";
}

}  // namespace

Told read_answer(const ports::HttpResponse& response) {
  Told told;
  told.status = response.status;
  for (const auto& [name, value] : response.headers) {
    constexpr std::string_view prefix = "/v1/requests/";
    if (name == "Location" && value.starts_with(prefix)) told.receipt = value.substr(prefix.size());
  }
  const auto body = wire::parse_json(response.body);
  if (!body) return told;
  if (const auto receipt = text_of(*body, "receipt"); !receipt.empty()) told.receipt = receipt;
  if (const auto* status = member(*body, "status"); status != nullptr && status->get<std::string>() != nullptr) {
    told.state = *status->get<std::string>();
  }
  told.reason = text_of(*body, "reason");
  // A problem says by its code why it refuses.
  if (const auto code = text_of(*body, "code"); !code.empty()) told.reason = code;
  if (const auto* coupon = member(*body, "coupon")) {
    told.code = text_of(*coupon, "code");
    told.sequence = number_of(*coupon, "sequence");
    told.issued_at = text_of(*coupon, "issued_at");
  }
  told.campaign = number_of(*body, "id");
  told.stock = number_of(*body, "stock");
  told.issued = number_of(*body, "issued");
  told.poll_after_ms = number_of(*body, "poll_after_ms");
  const bool refused = told.status == 404 || told.status == 409;
  if (told.state.empty() && refused && !told.receipt.empty()) told.state = "rejected";
  return told;
}

void Checker::told(const std::string& gateway, Timestamp gateway_time, const Asked& asked, const Told& told) {
  context_.fingerprint.mix(told.status);
  context_.fingerprint.mix(told.reason);
  const std::string who = gateway + " told " + (asked.user.empty() ? asked.receipt : asked.user);
  if (told.status == 500) return context_.violate(who + " an internal error");
  if (asked.stranger) return told_a_stranger(who, told);
  if (has_lost_log()) return;
  if (told.status == 410) return context_.violate(who + " that its outcome is gone");
  const std::string& receipt = asked.kind == Asked::Kind::poll ? asked.receipt : told.receipt;
  if (receipt.empty()) {
    if (asked.kind == Asked::Kind::request) told_at_the_gate(who, gateway_time, asked, told);
    return;
  }
  const auto place = Keys::get().signer.verify(receipt);
  if (!place) return context_.violate(who + " a receipt that is none");
  const auto& log = context_.broker.records(ports::Topic::requests, place->partition);
  const auto index = static_cast<std::size_t>(place->offset.value);
  const auto record = index < log.size()
                          ? wire::decode(log[index].value)
                          : std::expected<wire::DecodedRecord, wire::Undecodable>(std::unexpected(wire::Undecodable{}));
  if (!record || record->nonce != place->nonce) return context_.violate(who + " a receipt for another record");
  receipts_.insert(receipt);
  if (told.decided() || told.state == "failed") {
    told_decided(who, asked, told, *place);
  } else if (asked.settled && asked.kind == Asked::Kind::poll && told.status != 503) {
    context_.violate(who + " that it still waits, after all was settled");
  }
}

void Checker::told_a_stranger(const std::string& who, const Told& told) {
  if (told.status == 410) context_.coverage.count(Situation::strangers_receipt_refused);
  if (told.decided() || told.state == "failed") context_.violate(who + " an outcome of somebody else: " + told.state);
}

void Checker::told_decided(const std::string& who, const Asked& asked, const Told& told, const crypto::Receipt& place) {
  const wire::OutcomeEntry* raw = outcome(place.partition, place.offset);
  const std::string name = std::to_string(place.partition.value) + ":" + std::to_string(place.offset.value);
  if (raw == nullptr) return context_.violate(who + " an outcome before it was committed: " + name);
  const wire::OutcomeEntry* entry = final_outcome(place.partition, place.offset);
  const std::string receipt = Keys::get().signer.sign(place);
  if (told.state == "failed") {
    shown_failed_.insert(receipt);
    // Whether it was replayed only the store knows, and it may be away.
    if (raw->outcome != Outcome::dead_lettered || (asked.settled && entry->outcome != raw->outcome)) {
      context_.violate(who + " that " + name + " is a dead letter, and it is " + issuance::to_string(entry->outcome));
    }
    return;
  }
  if (raw->outcome == Outcome::dead_lettered && shown_failed_.contains(receipt)) {
    context_.coverage.count(Situation::receipt_followed_its_replay);
  }
  const bool same = told.state == state_of(entry->outcome) &&
                    (told.state != "rejected" || told.reason == issuance::to_string(entry->outcome));
  if (!same) {
    return context_.violate(who + " of " + name + " " + told.state + " " + told.reason + ", and the store holds " +
                            issuance::to_string(entry->outcome));
  }
  const bool holds = issuance::is_issued(entry->outcome) || entry->outcome == Outcome::already_issued;
  if (holds) check_coupon(who, asked, told, entry->campaign, entry->sequence);
}

void Checker::check_coupon(const std::string& who, const Asked& asked, const Told& told, CampaignId campaign,
                           Sequence sequence) {
  const sim::CampaignRows* rows = context_.database.find(campaign);
  const auto row = rows->coupons.find(sequence);
  if (row == rows->coupons.end()) return context_.violate(who + " a coupon that the store does not hold");
  if (told.sequence != sequence.value || told.code != row->second.code) {
    context_.violate(who + " another coupon than the store holds: sequence " + std::to_string(told.sequence) +
                     " instead of " + std::to_string(sequence.value));
  }
  const std::string issued_at = wire::format_time(row->second.issued_at.value);
  if (told.issued_at != issued_at) {
    context_.violate(who + " that a coupon was issued at " + told.issued_at + ", and the store holds " + issued_at);
  }
  if (!asked.user.empty() && asked.kind == Asked::Kind::request && row->second.user != asked.user) {
    context_.violate(who + " somebody else's coupon");
  }
}

// A late command may still have changed it, and a gateway that missed that learns of it a second after it was asked.
bool Checker::is_settled(const Asked& asked, const CampaignFacts& facts) {
  constexpr std::int64_t moment_us = 1'500'000;
  return asked.settled && facts.changed_us < asked.sent_us - moment_us;
}

// Who holds a coupon is never told that it is too late. A gateway may be late to learn of stock that was added, and so
// of those who got it; of the others it knows, or it lets the log decide.
void Checker::check_winner(const std::string& who, const Asked& asked, const Told& told, const CampaignFacts& facts) {
  const bool late = told.reason == "SOLD_OUT" || told.reason == "CLOSED" || told.reason == "ENDED";
  if (!late) return;
  const auto& campaign = context_.database.find(asked.campaign)->row.campaign;
  const bool settled = is_settled(asked, facts);
  if (settled && campaign.paused) return context_.violate(who + " " + told.reason + " of a paused campaign");
  const ports::CouponRow* row = context_.database.coupon_of(asked.campaign, asked.user, "");
  if (row == nullptr) return;
  const bool known =
      settled || told.reason == "CLOSED" || (told.reason == "SOLD_OUT" && row->sequence.value <= facts.first_winners);
  if (known) context_.violate(who + " " + told.reason + ", and it holds a coupon");
}

// Refusals that never entered the log.
void Checker::told_at_the_gate(const std::string& who, Timestamp gateway_time, const Asked& asked, const Told& told) {
  if (told.status == 503 || told.status == 0) return;
  constexpr std::int64_t skew_ms = 1'000;
  const auto found = campaigns_.find(asked.campaign);
  if (told.reason == "CAMPAIGN_NOT_FOUND") {
    if (found != campaigns_.end() && found->second.created_us < asked.sent_us) {
      context_.violate(who + " that there is no campaign, and there is");
    }
    return;
  }
  if (found == campaigns_.end()) return context_.violate(who + " " + told.reason + " of a campaign that is not there");
  const CampaignFacts& facts = found->second;
  check_winner(who, asked, told, facts);
  bool justified = true;
  if (told.reason == "SOLD_OUT") {
    context_.coverage.count(Situation::sold_out_told_at_the_gate);
    justified = facts.ever_sold_out && (!is_settled(asked, facts) || sold_out_now(asked.campaign));
  } else if (told.reason == "CLOSED") {
    justified = facts.ever_closed;
  } else if (told.reason == "ENDED") {
    justified = facts.ends_at_min && gateway_time >= *facts.ends_at_min + skew_ms;
  } else if (told.reason == "NOT_STARTED") {
    justified = gateway_time + skew_ms < facts.starts_at_max;
  } else if (told.reason == "ALREADY_ISSUED") {
    context_.coverage.count(Situation::winner_told_at_the_gate);
    const ports::CouponRow* row = context_.database.coupon_of(asked.campaign, asked.user, "");
    if (row == nullptr) return context_.violate(who + " that it has a coupon, and it has none");
    return check_coupon(who, asked, told, asked.campaign, row->sequence);
  } else {
    justified = false;
  }
  if (!justified)
    context_.violate(who + " " + told.reason + " (" + std::to_string(told.status) + ") without its cause");
}

}  // namespace openrun::simulation
