// LogRecord (proto/openrun/v1/log.proto) <-> the core's events. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/event.hpp>

namespace openrun::wire {

struct DecodedRecord {
  issuance::Event event;    // its views point into the record's bytes
  CampaignId campaign;      // 0 where the record names none; a replay's is that of its original
  std::uint32_t nonce = 0;  // a replay's own, not its original's
};

// Why a record is a dead letter before it is decided.
struct Undecodable {
  std::string reason;  // UNDECODABLE, INVALID_USER_ID, INVALID_IDEMPOTENCY_KEY, INVALID_CAMPAIGN, TOO_LARGE
  std::string error;
  std::uint32_t nonce = 0;  // 0 where it could not be read
};

// Strict where protobuf is lenient: an unknown field, a field that stands twice and a second body make a record
// undecodable, so that a reader of an older version never decides half of what a record says.
//
// Validates all that the store or the core could refuse: user id, keys, names, ranges, times, size. `value` must
// outlive the event. Deterministic: the same bytes give the same answer for ever (a rule may be loosened only with a
// DecisionVersion).
[[nodiscard]] std::expected<DecodedRecord, Undecodable> decode(std::string_view value);

[[nodiscard]] std::string encode_request(std::uint32_t nonce, CampaignId campaign, std::string_view user,
                                         std::string_view idempotency_key);
[[nodiscard]] std::string encode_command(std::uint32_t nonce, const issuance::CampaignCommand& command);
// `original` is the value of the dead letter, or a repaired one.
[[nodiscard]] std::string encode_replay(std::uint32_t nonce, Offset origin, Timestamp first_arrival,
                                        std::string_view original, std::uint32_t attempt);

// CampaignTerms, serialised, and back; also the form of campaign.policy (jsonb) in Postgres is made from these by
// postgres.
[[nodiscard]] std::string encode_terms(const issuance::CampaignTerms& terms);
// Error::Kind::invalid for bytes that are no such message or that break a rule of terms.hpp.
[[nodiscard]] Result<issuance::CampaignTerms> decode_terms(std::string_view bytes);

// FNV-1a over offset and value: tells whether the log still holds the record that the checkpoint speaks of.
[[nodiscard]] std::uint64_t fingerprint(Offset offset, std::string_view value);

}  // namespace openrun::wire
