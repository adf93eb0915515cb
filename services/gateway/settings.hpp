// What an operator may tune of the gateway (configuration section `gateway`), without the edges that only main knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/access/limit_settings.hpp"
#include "gateway/access/token_rules.hpp"

namespace openrun::gateway {

struct AdminToken {
  std::string name;  // who holds it; stands in the log
  std::string token;
};

struct Settings {
  std::string cors_origins;  // see Cors
  std::vector<AdminToken> admin_tokens;
  bool users_by_token = false;  // auth.mode jwt; else trusted
  TokenRules token_rules;
  LimitSettings limits;
  std::int64_t waits_max = 20'000;          // requests held for their outcome, all threads together
  std::int64_t streams_max = 5'000;         // event streams, all threads together
  std::int64_t pending_max = 20'000;        // requests between produce and acknowledgement, all threads together
  std::int64_t window_records = 1'048'576;  // outcomes kept in memory a partition, 12 bytes each
  std::int64_t window_age_s = 600;          // how far back results are read at start
  std::int64_t store_threads = 4;
  std::int64_t store_queue_max = 4'096;
  std::int64_t clock_skew_ms_max = 1'000;
  std::int64_t campaign_refresh_ms = 1'000;  // how often a campaign that is being refused is read again
  std::int64_t ready_produce_stall_ms = 3'000;
  std::int64_t ready_results_lag_ms = 3'000;
  std::int64_t campaigns_cached_max = 100'000;
  std::int64_t waiting_room_users = 262'144;   // whom the waiting-room calls know without a receipt, 32 bytes each
  bool serves_tls = false;                     // cookies are then Secure, whatever stands in front
  bool connect_open_admin = false;             // the dialects' admin calls need no token, and show codes to anybody
  std::int64_t connect_codes_max = 100'000;    // codes that the dialects list of a campaign
  double trace_sample_ratio = 0.01;            // of the submits whose caller names no trace; see Tracing
  std::int64_t winners_kept_max = 16'000'000;  // 64-bit hashes of all campaigns together
};

// How long an offset below the frontier may be missing before Postgres is asked for it.
inline constexpr std::int64_t missing_after_ms = 200;
// Partitions that one gateway can follow.
inline constexpr std::int32_t partitions_max = 1'024;
// Exports of coupons at once: each holds a page of rows, about 5 MB at most, and its text until the client has it.
inline constexpr std::int64_t exports_max = 8;
// Commands that wait for their outcome, all threads together.
inline constexpr std::int64_t commands_waiting_max = 1'000;

}  // namespace openrun::gateway
