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

// What this build reads, and what it writes: from 2 on a request is known by its nonce, and decided once however often
// it stands in the log. Where a record says what older builds would misread, it names a version that they don't know;
// issuers are upgraded before whoever writes it.
inline constexpr std::uint32_t record_version_supported = 2;

struct DecodedRecord {
  issuance::Event event;    // its views point into the record's bytes
  CampaignId campaign;      // 0 where the record names none; a replay's is that of its original
  std::uint32_t nonce = 0;  // a replay's own, not its original's
};

// Why a record is a dead letter before it is decided.
struct Undecodable {
  // UNDECODABLE, INVALID_USER_ID, INVALID_IDEMPOTENCY_KEY, INVALID_CAMPAIGN, TOO_LARGE, RECORD_VERSION
  std::string reason;
  std::string error;
  std::uint32_t nonce = 0;  // 0 where it could not be read
  // The version that the record names, where it is above record_version_supported: no dead letter, but a record for a
  // newer build. 0 where it is not.
  std::uint32_t newer_version = 0;
};

// Strict where protobuf is lenient: an unknown field, a field that stands twice and a second body make a record
// undecodable, so that a reader of an older version never decides half of what a record says.
//
// Validates all that the store or the core could refuse: user id, keys, names, ranges, times, size. `value` must
// outlive the event. Deterministic: the same bytes give the same answer for ever (a rule may be loosened only with a
// DecisionVersion), but for a record of a newer version, which an older build must not decide at all.
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
