// All that is judged before an event, as it was gathered. Plain values, no I/O; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/ports/inspection.hpp>
#include <openrun/ports/operations_store.hpp>

namespace openrun::cli::check {

// What was asked for, and what the configuration says.
struct Asked {
  std::vector<CampaignId> campaigns;
  std::vector<std::string> gateways;     // their addresses, at least one
  std::optional<std::uint32_t> issuers;  // how many there should be
  std::string version;                   // of this program
  std::int64_t clock_skew_ms_max = 1'000;
  std::int64_t reconciler_full_interval_ms = 300'000;
};

// How far another machine's clock is ahead of ours; negative: behind.
struct ClockReading {
  std::int64_t ahead_ms = 0;
  std::int64_t unsure_ms = 0;  // at most so wrong, because the answer was on its way
};

struct StoreFacts {
  ports::SchemaState schema;
  ports::StoreServer server;
  // Before the log was looked at, and after it: what was in the log may be decided meanwhile.
  Result<ports::WatchedStore> before;
  Result<ports::WatchedStore> after;
  ClockReading clock;  // of `after`
  Result<ports::GatewayStore::Checkpoints> checkpoints;
  Result<std::vector<ports::DispatchRate>> dispatch;
  Result<std::vector<ports::StoredCampaign>> campaigns;  // those that there are, of those asked for
};

struct LogFacts {
  ports::LogState state;
  Result<std::vector<ports::TopicFinding>> settings;  // as `openrun topics check` tells them
};

struct GatewayFacts {
  long live_status = 0;
  long ready_status = 0;
  std::vector<std::string> reasons;  // why it is not ready
  std::vector<std::string> trouble;  // what it says of Postgres and Kafka, ready or not
  std::string version;               // empty: it does not tell
  Result<ClockReading> clock;
  std::map<CampaignId, long> campaigns;  // with which status it answers for those asked for; 0: it does not
};

struct AskedGateway {
  std::string url;
  Result<GatewayFacts> told;
};

// A part that could not be reached is an error that says why.
struct Facts {
  Asked asked;
  Timestamp now;  // by our clock, when all was gathered
  Result<StoreFacts> store;
  Result<LogFacts> log;
  std::vector<AskedGateway> gateways;  // as they were asked for
};

}  // namespace openrun::cli::check
