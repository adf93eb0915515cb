// Checks, all the time, that counters, coupons, outbox and checkpoints agree (docs/internals/commit-protocol.md):
// recently changed campaigns in every turn, in which only new coupons are counted, and all coupons of all campaigns
// from time to time, in chunks. It reads and reports, and keeps
// what it found for those who look at the page; it repairs nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/ports/audit_results.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

#include "reconciler/acknowledged.hpp"
#include "reconciler/facts.hpp"
#include "reconciler/told_offsets.hpp"
#include "reconciler/violations.hpp"

namespace openrun::reconciler {

struct Settings {
  std::int64_t interval_ms = 2'000;         // between two turns
  std::int64_t full_interval_ms = 300'000;  // between the beginnings of two passes over all campaigns
};

// Bounds of one turn.
inline constexpr std::size_t chunk_campaigns_max = 64;
inline constexpr std::uint64_t chunks_before_growth = 32;
// A pass looks back this much further than the one before it began: a transaction carries the time of its beginning,
// and the clocks of store and reconciler differ a little.
inline constexpr std::int64_t overlap_ms = 60'000;
// The reconciler rests at least so many times as long as it worked, so that it takes a small part of the store.
inline constexpr std::int64_t rest_factor = 4;
// Results are kept after each pass over all campaigns, and when something is found or gone, but not more often.
inline constexpr std::int64_t keep_interval_ms = 5'000;

class Reconciler {
 public:
  // All outlive it. `missing` is what others count as told and not stored, `told` how far they know that it was told.
  Reconciler(Facts& facts, ports::AuditResults& results, const MissingCoupons& missing, const ToldOffsets& told,
             ports::Clock& clock, ports::Logger& logger, ports::Metrics& metrics, Settings settings);

  // Looks at the partitions and at as many campaigns as a turn's time allows, and returns how many milliseconds to wait
  // before the next one. An unreachable store is waited for. One thread.
  [[nodiscard]] std::int64_t turn();

  // Empty where the store was readable lately. Any thread.
  [[nodiscard]] std::string not_ready_reason() const;
  [[nodiscard]] std::size_t violations() const { return violations_.size(); }

 private:
  // A walk over campaigns by id, over as many turns as it takes.
  struct Pass {
    bool is_running = false;
    CampaignId after;
    Timestamp changed_since;  // 0: all
    Timestamp began_at;
    std::uint64_t campaigns = 0;
    std::uint64_t coupons = 0;
  };

  [[nodiscard]] bool check_partitions();
  // False where the store failed; the pass then goes on from where it stood.
  [[nodiscard]] bool advance(Pass& pass, std::int64_t deadline_us);
  void check(const issuance::StoredCampaign& campaign, bool is_full);
  // The next ones that were sound when a recent pass last saw them.
  [[nodiscard]] std::vector<issuance::StoredCampaign> known_after(CampaignId after, std::size_t limit) const;
  void recent_pass_ended();
  void full_pass_ended();
  // Where there is something new to keep and the last time is long enough ago.
  void keep_result();
  void store_answered();
  void store_failed(const Error& error);

  Facts& facts_;
  ports::AuditResults& results_;
  const MissingCoupons& missing_;
  const ToldOffsets& told_;
  ports::Clock& clock_;
  ports::Logger& logger_;
  ports::Metrics& metrics_;
  const Settings settings_;
  Violations violations_;
  std::map<Partition, PartitionFacts> furthest_;
  Pass recent_;
  Pass full_;
  Timestamp recent_from_;  // the next recent pass looks back to it
  // Of the campaigns that change. A recent pass counts only what came since; passes over all count everything.
  struct Known {
    issuance::StoredCampaign facts;
    std::uint64_t pass = 0;
  };
  std::map<CampaignId, Known> known_;
  std::uint64_t recent_passes_ = 0;
  // Up to which offset each outbox had no gap; looked at as a whole with every pass over all campaigns.
  std::map<Partition, Offset> sound_through_;
  std::int64_t full_due_us_ = 0;
  // Halved when a call fails, because a large chunk may run into the statement time-out; doubled after some successes.
  std::size_t chunk_ = chunk_campaigns_max;
  std::uint64_t chunks_since_failure_ = 0;
  std::atomic<bool> is_store_up_{false};
  bool is_outage_told_ = false;
  ports::AuditResult result_;  // of the last full pass; done_by is empty before its end
  bool is_result_kept_ = true;
  std::uint64_t kept_news_ = 0;  // changes and missing coupons that stand in the kept result
  std::int64_t keep_due_us_ = 0;
  bool is_keeping_told_ = false;

  ports::Counter& campaigns_checked_;
  ports::Gauge& store_up_;
  ports::Gauge& last_success_;
  ports::Gauge& full_pass_done_;
};

}  // namespace openrun::reconciler
