#include <algorithm>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/terms.hpp>

#include "proto_reader.hpp"
#include "terms.hpp"

namespace openrun::wire {
namespace {

using issuance::CampaignCommand;
using issuance::IssueRequested;

constexpr const char* undecodable = "UNDECODABLE";
constexpr const char* invalid_campaign = "INVALID_CAMPAIGN";

enum class Body : std::uint8_t { none = 0, request = 2, command = 3, replay = 4, decision_version = 5 };

// A LogRecord's outer shape. The body's bytes are those of the record.
struct Envelope {
  std::uint32_t nonce = 0;
  Body body = Body::none;
  std::string_view bytes;
  std::uint32_t version = 0;
};

using Fault = std::optional<Undecodable>;

Fault refuse(const char* reason, std::string error) {
  return Undecodable{reason, std::move(error), 0, 0};
}

Fault refuse(const FieldFault& fault) {
  return refuse(invalid_campaign, std::string(fault.field) + " " + fault.message);
}

Fault check_campaign(CampaignId campaign) {
  if (is_valid_campaign(campaign)) return std::nullopt;
  return refuse(invalid_campaign, "campaign_id must be 1 to 2147483647");
}

constexpr std::uint32_t known_by_nonce = 2;  // the version from which on a request is
constexpr std::uint32_t version_field = 31;  // its tag is no UTF-8: no text of a stranger names a version

// The highest version that a message names whatever else stands in it; 0 where it is none, or names none.
std::uint32_t named_version(std::string_view value) {
  ProtoReader reader(value);
  std::uint32_t highest = 0;
  while (!reader.at_end()) {
    std::uint32_t version = 0;
    if (!reader.next()) return 0;
    if (!(reader.field() == version_field ? reader.read(version) : reader.skip())) return 0;
    highest = std::max(highest, version);
  }
  return highest;
}

Fault refuse_version(std::uint32_t version) {
  return Undecodable{"RECORD_VERSION",
                     "the record's format has version " + std::to_string(version) + ", and this build knows " +
                         std::to_string(record_version_supported),
                     0, version};
}

Fault read_envelope(std::string_view value, Envelope& out) {
  const bool read = read_strictly(value, [&](ProtoReader& reader) {
    if (reader.field() == 1) return reader.read_fixed32(out.nonce);
    if (reader.field() == version_field) return reader.read(out.version);
    if (reader.field() > 5 || out.body != Body::none) return false;
    out.body = static_cast<Body>(reader.field());
    return reader.read(out.bytes);
  });
  // What a newer version means is not judged by the rules of this one.
  const std::uint32_t version = read ? out.version : named_version(value);
  if (version > record_version_supported) return refuse_version(version);
  if (!read) return refuse(undecodable, "no LogRecord: malformed, or with a field that is unknown or stands twice");
  if (out.body == Body::none) return refuse(undecodable, "the record has no body");
  return std::nullopt;
}

Fault read_request(const Envelope& envelope, IssueRequested& out) {
  if (envelope.version >= known_by_nonce) out.nonce = envelope.nonce;
  const bool read = read_strictly(envelope.bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return reader.read(out.campaign.value);
      case 2:
        return reader.read(out.user);
      case 3:
        return reader.read(out.idempotency_key);
      default:
        return false;
    }
  });
  if (!read) return refuse(undecodable, "no IssueRequest: malformed, or with a field that is unknown or stands twice");
  if (auto fault = check_campaign(out.campaign)) return fault;
  if (!is_valid_user_id(out.user)) {
    return refuse("INVALID_USER_ID", "user_id must be 1 to 64 characters of UTF-8 without control characters");
  }
  if (!out.idempotency_key.empty() && !is_valid_idempotency_key(out.idempotency_key)) {
    return refuse("INVALID_IDEMPOTENCY_KEY", "idempotency_key must be at most 128 printable ASCII characters");
  }
  return std::nullopt;
}

bool read_create(std::string_view bytes, CampaignCommand& out) {
  auto terms = read_terms(bytes);
  if (terms) out.action = issuance::CreateCampaign{std::move(*terms)};
  return terms.has_value();
}

bool read_change_action(std::string_view bytes, CampaignCommand& out) {
  auto change = read_change(bytes);
  if (change) out.action = std::move(*change);
  return change.has_value();
}

template <class Action>
bool read_empty(std::string_view bytes, CampaignCommand& out) {
  out.action = Action{};
  return bytes.empty();
}

bool read_action(ProtoReader& reader, CampaignCommand& out) {
  if (reader.field() == 5) return reader.read_zigzag(out.action.emplace<issuance::AddStock>().add);
  std::string_view bytes;
  if (!reader.read(bytes)) return false;
  switch (reader.field()) {
    case 3:
      return read_create(bytes, out);
    case 4:
      return read_change_action(bytes, out);
    case 6:
      return read_empty<issuance::PauseCampaign>(bytes, out);
    case 7:
      return read_empty<issuance::ResumeCampaign>(bytes, out);
    case 8:
      return read_empty<issuance::CloseCampaign>(bytes, out);
    default:
      return false;
  }
}

Fault check_action(const CampaignCommand& command) {
  std::optional<FieldFault> fault;
  if (const auto* create = std::get_if<issuance::CreateCampaign>(&command.action)) fault = check(create->terms);
  if (const auto* change = std::get_if<issuance::ChangeCampaign>(&command.action)) fault = check(*change);
  if (const auto* stock = std::get_if<issuance::AddStock>(&command.action)) fault = check(*stock);
  if (fault) return refuse(*fault);
  return std::nullopt;
}

Fault read_command(std::string_view bytes, CampaignCommand& out) {
  std::size_t actions = 0;
  std::string_view key;
  const bool read = read_strictly(bytes, [&](ProtoReader& reader) {
    if (reader.field() == 1) return reader.read(out.campaign.value);
    if (reader.field() == 2) return reader.read(key);
    return ++actions == 1 && read_action(reader, out);
  });
  if (!read)
    return refuse(undecodable, "no CampaignCommand: malformed, or with a field that is unknown or stands twice");
  if (actions == 0) return refuse(undecodable, "the command has no action");
  if (auto fault = check_campaign(out.campaign)) return fault;
  if (!is_valid_idempotency_key(key)) {
    return refuse("INVALID_IDEMPOTENCY_KEY", "idempotency_key must be 1 to 128 printable ASCII characters");
  }
  out.idempotency_key.assign(key);
  return check_action(out);
}

// What a replay carries. A fault of the original is an outcome of the replay, not of the record that holds it.
void read_original(std::string_view value, issuance::Replay& replay, CampaignId& campaign) {
  Envelope envelope;
  auto fault = read_envelope(value, envelope);
  if (!fault && envelope.body == Body::request) {
    auto& request = replay.original.emplace<IssueRequested>();
    fault = read_request(envelope, request);
    campaign = request.campaign;
  } else if (!fault && envelope.body == Body::command) {
    auto& command = replay.original.emplace<CampaignCommand>();
    fault = read_command(envelope.bytes, command);
    campaign = command.campaign;
  } else if (!fault) {
    fault = refuse(undecodable, "only a request or a command can be replayed");
  }
  if (fault) {
    replay.original = issuance::Undecidable{std::move(fault->reason)};
    campaign = CampaignId{};
  }
}

Fault read_replay(std::string_view bytes, issuance::Replay& out, CampaignId& campaign) {
  std::string_view original;
  std::uint32_t attempt = 0;
  const bool read = read_strictly(bytes, [&](ProtoReader& reader) {
    switch (reader.field()) {
      case 1:
        return reader.read(out.origin.value);
      case 2:
        return reader.read(out.first_arrival.value);
      case 3:
        return reader.read(original);
      case 4:
        return reader.read(attempt);
      default:
        return false;
    }
  });
  if (!read) return refuse(undecodable, "no Replay: malformed, or with a field that is unknown or stands twice");
  if (out.origin.value < 0) return refuse(undecodable, "origin_offset is below 0");
  if (!is_valid_time(out.first_arrival))
    return refuse(undecodable, "first_arrival_ms must lie in the years 1970 to 9999");
  read_original(original, out, campaign);
  return std::nullopt;
}

Fault read_version(std::string_view bytes, issuance::DecisionVersion& out) {
  const bool read =
      read_strictly(bytes, [&](ProtoReader& reader) { return reader.field() == 1 && reader.read(out.version); });
  if (read && out.version > 0) return std::nullopt;
  return refuse(undecodable, "no DecisionVersion: malformed, or version 0");
}

Fault read_body(const Envelope& envelope, DecodedRecord& out) {
  switch (envelope.body) {
    case Body::request: {
      auto& request = out.event.emplace<IssueRequested>();
      auto fault = read_request(envelope, request);
      out.campaign = request.campaign;
      return fault;
    }
    case Body::command: {
      auto& command = out.event.emplace<CampaignCommand>();
      auto fault = read_command(envelope.bytes, command);
      out.campaign = command.campaign;
      return fault;
    }
    case Body::replay:
      return read_replay(envelope.bytes, out.event.emplace<issuance::Replay>(), out.campaign);
    case Body::decision_version:
      return read_version(envelope.bytes, out.event.emplace<issuance::DecisionVersion>());
    case Body::none:
      break;
  }
  return refuse(undecodable, "the record has no body");
}

}  // namespace

std::expected<DecodedRecord, Undecodable> decode(std::string_view value) {
  std::expected<DecodedRecord, Undecodable> decoded;
  Envelope envelope;
  Fault fault = read_envelope(value, envelope);
  const bool newer = fault && fault->newer_version > 0;
  if (!newer && value.size() > limits::record_bytes_max)
    fault = refuse("TOO_LARGE", "the record is larger than 16384 bytes");
  if (!fault) fault = read_body(envelope, *decoded);
  if (fault) {
    fault->nonce = envelope.nonce;
    return std::unexpected(std::move(*fault));
  }
  decoded->nonce = envelope.nonce;
  return decoded;
}

std::uint64_t fingerprint(Offset offset, std::string_view value) {
  constexpr std::uint64_t basis = 0xCBF29CE484222325;
  constexpr std::uint64_t prime = 0x100000001B3;
  std::uint64_t hash = basis;
  const auto mix = [&](unsigned char byte) { hash = (hash ^ byte) * prime; };
  for (unsigned shift = 0; shift < 64; shift += 8) {
    mix(static_cast<unsigned char>(static_cast<std::uint64_t>(offset.value) >> shift));
  }
  for (const char c : value) mix(static_cast<unsigned char>(c));
  return hash;
}

}  // namespace openrun::wire
