// What the handlers share. References only; everything outlives the server's threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/receipt.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/request_log.hpp>

#include "gateway/access/auth.hpp"
#include "gateway/access/limits.hpp"
#include "gateway/calls/tracing.hpp"
#include "gateway/campaigns/campaign_cache.hpp"
#include "gateway/campaigns/directory.hpp"
#include "gateway/meters.hpp"
#include "gateway/operations/dead_letter_access.hpp"
#include "gateway/operations/live_history.hpp"
#include "gateway/operations/system_watch.hpp"
#include "gateway/results/results_feed.hpp"
#include "gateway/results/results_sink.hpp"
#include "gateway/results/results_window.hpp"
#include "gateway/settings.hpp"
#include "gateway/store_pool.hpp"
#include "gateway/waits/lanes.hpp"
#include "gateway/waits/seats.hpp"

namespace openrun::gateway {

struct Parts {
  const Settings& settings;
  const ports::Clock& clock;
  ports::Logger& logger;
  ports::LogAppender& appender;
  const crypto::ReceiptSigner& signer;
  const crypto::CouponCodes& codes;
  const Auth& auth;
  Limits& limits;
  ResultsWindow& window;
  CampaignCache& cache;
  Directory& directory;
  StorePool& pool;
  ResultsSink& sink;
  const ResultsFeed& feed;
  Lanes& lanes;
  Meters& meters;
  Seats& waits;
  Seats& pending;
  Seats& commands;
  Seats& exports;
  Seats& streams;
  const std::atomic<bool>& draining;
  const std::atomic<std::int32_t>& partitions;       // of openrun.requests
  const std::function<std::uint32_t()>& random_u32;  // nonces and jitter; any thread
  const crypto::UserHash& user_hash;
  LiveHistory& history;
  SystemWatch& watch;
  const DeadLetterAccess& dead_letters;
  Tracing* tracing;  // null: tracing is off
};

}  // namespace openrun::gateway
