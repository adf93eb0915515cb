#include <variant>

#include <openrun/v1/log.pb.h>
#include <openrun/wire/log_record.hpp>

#include "proto_writer.hpp"
#include "terms.hpp"

namespace openrun::wire {
namespace {

constexpr std::uint32_t nonce_field = openrun::v1::LogRecord::kNonceFieldNumber;
constexpr std::uint32_t request_field = openrun::v1::LogRecord::kRequestFieldNumber;

// As proto3 does, the version that every build knows is left out.
constexpr std::uint32_t version_field = openrun::v1::LogRecord::kVersionFieldNumber;
constexpr std::uint32_t written_version = record_version_supported > 1 ? record_version_supported : 0;

struct WriteAction {
  openrun::v1::CampaignCommand& out;

  void operator()(const issuance::CreateCampaign& action) const { write_terms(action.terms, *out.mutable_create()); }
  void operator()(const issuance::ChangeCampaign& action) const { write_change(action, *out.mutable_change()); }
  void operator()(const issuance::AddStock& action) const { out.set_add_stock(action.add); }
  void operator()(const issuance::PauseCampaign&) const { out.mutable_pause(); }
  void operator()(const issuance::ResumeCampaign&) const { out.mutable_resume(); }
  void operator()(const issuance::CloseCampaign&) const { out.mutable_close(); }
};

}  // namespace

std::string encode_request(std::uint32_t nonce, CampaignId campaign, std::string_view user,
                           std::string_view idempotency_key) {
  // Written by hand: this is done once a request.
  std::size_t body = 0;
  if (campaign.value != 0) body += 1 + varint_size(campaign.value);
  if (!user.empty()) body += 1 + varint_size(user.size()) + user.size();
  if (!idempotency_key.empty()) body += 1 + varint_size(idempotency_key.size()) + idempotency_key.size();
  std::string out;
  out.reserve(5 + 1 + varint_size(body) + body + (written_version > 0 ? 2 + varint_size(written_version) : 0));
  append_fixed32_field(out, nonce_field, nonce);
  append_varint(out, request_field << 3 | 2);
  append_varint(out, body);
  append_varint_field(out, openrun::v1::IssueRequest::kCampaignIdFieldNumber, campaign.value);
  append_bytes_field(out, openrun::v1::IssueRequest::kUserIdFieldNumber, user);
  append_bytes_field(out, openrun::v1::IssueRequest::kIdempotencyKeyFieldNumber, idempotency_key);
  append_varint_field(out, version_field, written_version);
  return out;
}

std::string encode_command(std::uint32_t nonce, const issuance::CampaignCommand& command) {
  openrun::v1::LogRecord record;
  record.set_nonce(nonce);
  record.set_version(written_version);
  auto& message = *record.mutable_command();
  message.set_campaign_id(command.campaign.value);
  message.set_idempotency_key(command.idempotency_key);
  std::visit(WriteAction{message}, command.action);
  return record.SerializeAsString();
}

std::string encode_replay(std::uint32_t nonce, Offset origin, Timestamp first_arrival, std::string_view original,
                          std::uint32_t attempt) {
  openrun::v1::LogRecord record;
  record.set_nonce(nonce);
  record.set_version(written_version);
  auto& replay = *record.mutable_replay();
  replay.set_origin_offset(origin.value);
  replay.set_first_arrival_ms(first_arrival.value);
  replay.set_original(std::string(original));
  replay.set_attempt(attempt);
  return record.SerializeAsString();
}

}  // namespace openrun::wire
