// Records of openrun.requests. What decode() accepts, protobuf reads as the same record; what protobuf writes is never
// called malformed; and what was accepted can be written again. An input is protobuf's text format where it can be read
// as such (so that seeds can be read by people), else the record's bytes.
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <google/protobuf/text_format.h>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/v1/log.pb.h>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/terms.hpp>

#include "fuzz.hpp"
#include "proto_input.hpp"

namespace openrun::fuzz {
namespace {

using issuance::CampaignCommand;
using issuance::IssueRequested;

bool same(const issuance::Policy& policy, const v1::Policy& message) {
  const auto& discount = message.discount();
  if (policy.discount.has_value() != message.has_discount()) return false;
  if (policy.discount &&
      (static_cast<int>(policy.discount->type) != discount.type() || policy.discount->value != discount.value() ||
       policy.discount->currency != discount.currency())) {
    return false;
  }
  if (policy.valid_until.has_value() != message.has_valid_until_ms()) return false;
  if (policy.valid_until && policy.valid_until->value != message.valid_until_ms()) return false;
  if (policy.valid_for_seconds.has_value() != message.has_valid_for_seconds()) return false;
  if (policy.valid_for_seconds && *policy.valid_for_seconds != message.valid_for_seconds()) return false;
  const std::uint32_t max_per_user = message.max_per_user() == 0 ? 1 : message.max_per_user();
  return policy.max_per_user == max_per_user && static_cast<int>(policy.code_format) == message.code_format();
}

bool same(const issuance::CampaignTerms& terms, const v1::CampaignTerms& message) {
  return terms.name == message.name() && terms.description == message.description() && terms.stock == message.stock() &&
         terms.starts_at.value == message.starts_at_ms() && terms.ends_at.has_value() == message.has_ends_at_ms() &&
         (!terms.ends_at || terms.ends_at->value == message.ends_at_ms()) && same(terms.policy, message.policy());
}

bool same(const issuance::ChangeCampaign& change, const v1::CampaignChange& message) {
  if (change.name.has_value() != message.has_name() || change.name.value_or("") != message.name()) return false;
  if (change.description.has_value() != message.has_description()) return false;
  if (change.description.value_or("") != message.description()) return false;
  if (change.starts_at.has_value() != message.has_starts_at_ms()) return false;
  if (change.starts_at.value_or(Timestamp{}).value != message.starts_at_ms()) return false;
  if (change.ends_at.has_value() != (message.has_ends_at_ms() || message.clear_ends_at())) return false;
  if (change.ends_at && change.ends_at->has_value() != message.has_ends_at_ms()) return false;
  if (change.ends_at && *change.ends_at && (*change.ends_at)->value != message.ends_at_ms()) return false;
  return change.policy.has_value() == message.has_policy() &&
         (!change.policy || same(*change.policy, message.policy()));
}

bool same(const IssueRequested& request, const v1::IssueRequest& message) {
  return request.campaign.value == message.campaign_id() && request.user == message.user_id() &&
         request.idempotency_key == message.idempotency_key();
}

bool same(const CampaignCommand& command, const v1::CampaignCommand& message) {
  if (command.campaign.value != message.campaign_id() || command.idempotency_key != message.idempotency_key())
    return false;
  switch (message.action_case()) {
    case v1::CampaignCommand::kCreate: {
      const auto* action = std::get_if<issuance::CreateCampaign>(&command.action);
      return action != nullptr && same(action->terms, message.create());
    }
    case v1::CampaignCommand::kChange: {
      const auto* action = std::get_if<issuance::ChangeCampaign>(&command.action);
      return action != nullptr && same(*action, message.change());
    }
    case v1::CampaignCommand::kAddStock: {
      const auto* action = std::get_if<issuance::AddStock>(&command.action);
      return action != nullptr && action->add == message.add_stock();
    }
    case v1::CampaignCommand::kPause:
      return std::holds_alternative<issuance::PauseCampaign>(command.action);
    case v1::CampaignCommand::kResume:
      return std::holds_alternative<issuance::ResumeCampaign>(command.action);
    case v1::CampaignCommand::kClose:
      return std::holds_alternative<issuance::CloseCampaign>(command.action);
    case v1::CampaignCommand::ACTION_NOT_SET:
      break;
  }
  return false;
}

bool same(const issuance::Replay& replay, const v1::Replay& message) {
  if (replay.origin.value != message.origin_offset() || replay.first_arrival.value != message.first_arrival_ms())
    return false;
  const auto original = wire::decode(message.original());
  if (std::holds_alternative<issuance::Undecidable>(replay.original)) {
    return !original || std::holds_alternative<issuance::Replay>(original->event) ||
           std::holds_alternative<issuance::DecisionVersion>(original->event);
  }
  v1::LogRecord inner;
  if (!original || !inner.ParseFromString(message.original())) return false;
  if (const auto* request = std::get_if<IssueRequested>(&replay.original)) return same(*request, inner.request());
  return same(std::get<CampaignCommand>(replay.original), inner.command());
}

bool same(const wire::DecodedRecord& record, const v1::LogRecord& message) {
  if (record.nonce != message.nonce()) return false;
  if (const auto* request = std::get_if<IssueRequested>(&record.event)) {
    return message.has_request() && same(*request, message.request()) && record.campaign == request->campaign;
  }
  if (const auto* command = std::get_if<CampaignCommand>(&record.event)) {
    return message.has_command() && same(*command, message.command()) && record.campaign == command->campaign;
  }
  if (const auto* replay = std::get_if<issuance::Replay>(&record.event)) {
    return message.has_replay() && same(*replay, message.replay()) &&
           record.campaign == issuance::campaign_of(*replay).value_or(CampaignId{});
  }
  const auto* version = std::get_if<issuance::DecisionVersion>(&record.event);
  return version != nullptr && message.has_decision_version() &&
         version->version == message.decision_version().version();
}

// What the gateway and the operator's tool would write for the same event.
std::optional<std::string> written_again(const wire::DecodedRecord& record, const v1::LogRecord& message) {
  if (const auto* request = std::get_if<IssueRequested>(&record.event)) {
    return wire::encode_request(record.nonce, request->campaign, request->user, request->idempotency_key);
  }
  if (const auto* command = std::get_if<CampaignCommand>(&record.event)) {
    return wire::encode_command(record.nonce, *command);
  }
  if (const auto* replay = std::get_if<issuance::Replay>(&record.event)) {
    return wire::encode_replay(record.nonce, replay->origin, replay->first_arrival, message.replay().original(),
                               message.replay().attempt());
  }
  return std::nullopt;
}

void check_accepted(std::string_view value, const wire::DecodedRecord& record) {
  require(value.size() <= limits::record_bytes_max, "a record is bounded");
  v1::LogRecord message;
  require(message.ParseFromArray(value.data(), static_cast<int>(value.size())), "protobuf reads what is accepted");
  require(same(record, message), "protobuf reads the same record", message.DebugString());
  const auto again = written_again(record, message);
  if (!again) return;
  require(again->size() <= limits::record_bytes_max + 16, "written again it is hardly longer");
  if (again->size() > limits::record_bytes_max) return;
  const auto decoded = wire::decode(*again);
  v1::LogRecord second;
  require(decoded.has_value() && second.ParseFromString(*again) && same(*decoded, second) && same(record, second),
          "what is accepted can be written and read again", message.DebugString());
}

// Of the bytes that protobuf itself would write for a request none is malformed.
void check_refused(std::string_view value, const wire::Undecodable& fault) {
  require(!fault.reason.empty() && !fault.error.empty(), "a refusal says why");
  require(!has_control_character(fault.error) && utf8_length(fault.error) != not_utf8, "a refusal is plain text",
          fault.error);
  v1::LogRecord message;
  if (!message.ParseFromArray(value.data(), static_cast<int>(value.size())) || !message.has_request()) return;
  if (message.SerializeAsString() != value || !message.GetReflection()->GetUnknownFields(message).empty()) return;
  if (!message.request().GetReflection()->GetUnknownFields(message.request()).empty()) return;
  require(fault.reason != "UNDECODABLE", "a well-formed request is not called malformed", message.DebugString());
  require(fault.nonce == message.nonce(), "a refusal keeps the nonce", message.DebugString());
}

void check(std::string_view value) {
  const auto decoded = wire::decode(value);
  const auto twice = wire::decode(value);
  require(decoded.has_value() == twice.has_value(), "the same bytes give the same answer");
  if (decoded) {
    check_accepted(value, *decoded);
  } else {
    require(decoded.error().reason == twice.error().reason, "the same bytes give the same reason");
    check_refused(value, decoded.error());
  }
  require(wire::fingerprint(Offset{1}, value) == wire::fingerprint(Offset{1}, value), "a fingerprint repeats");
  if (const auto terms = wire::decode_terms(value)) {
    require(wire::decode_terms(wire::encode_terms(*terms)) == *terms, "terms can be written and read again");
  }
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  // A copy of exactly that length: reading beyond its end is seen.
  const std::string value = proto_input<openrun::v1::LogRecord>(text_of(data, size));
  const std::unique_ptr<char[]> exact(new char[value.size()]);
  value.copy(exact.get(), value.size());
  check({exact.get(), value.size()});
  return 0;
}
