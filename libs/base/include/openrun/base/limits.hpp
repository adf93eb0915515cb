// Every fixed limit of openrun in one table. What an operator may tune is in the configuration; what is here is part of
// the contract, of a wire format or of a proof, and does not change without a decision record.
#pragma once

#include <cstddef>
#include <cstdint>

namespace openrun::limits {

// Contract, section 1.
inline constexpr std::size_t user_id_bytes_max = 256;      // 64 characters of at most 4 bytes
inline constexpr std::size_t user_id_characters_max = 64;  // Unicode code points
inline constexpr std::size_t idempotency_key_bytes_max = 128;
inline constexpr std::size_t campaign_name_characters_max = 100;
inline constexpr std::size_t campaign_name_bytes_max = 4 * campaign_name_characters_max;
inline constexpr std::size_t campaign_description_characters_max = 1000;
inline constexpr std::size_t campaign_description_bytes_max = 4 * campaign_description_characters_max;
inline constexpr std::int64_t stock_max = 4'294'967'295;         // 2^32-1: sequences fit 32 bits
inline constexpr std::uint32_t campaign_id_max = 2'147'483'647;  // 2^31-1: campaign and sequence fit 63 bits
inline constexpr std::uint32_t coupons_per_user_max = 1'000;
inline constexpr std::int64_t wait_seconds_max = 30;     // Prefer: wait=N
inline constexpr std::int64_t command_wait_ms = 10'000;  // an undecided command then answers 202

// Contract, section 4.
inline constexpr std::size_t record_bytes_max = 16 * 1024;            // one record of openrun.requests
inline constexpr std::size_t dead_letter_headroom_bytes = 64 * 1024;  // what headers may add to a dead letter
inline constexpr std::size_t result_batch_bytes_max = 768 * 1024;     // one ResultBatch; below Kafka's 1 MiB default
inline constexpr std::size_t batch_records_max = 10'000;              // one transaction of the issuer
inline constexpr std::size_t dead_letter_batch_min = 100;  // "more than half of 100 or more" stops the issuer

// Core: how many command keys a campaign remembers (oldest forgotten first), for idempotent retries.
inline constexpr std::size_t command_keys_remembered = 1'024;

// Years 1970 .. 9999, in ms: what RFC 3339 can print and Postgres can hold.
inline constexpr std::int64_t timestamp_ms_max = 253'402'300'799'999;

}  // namespace openrun::limits
