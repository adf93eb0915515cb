#include "reconciler/reconciler.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <openrun/issuance/invariants.hpp>

#include "reconciler/partition_checks.hpp"

namespace openrun::reconciler {
namespace {

// Those of issuance::check_stored; a name that is missing here still gets its gauge when it is first violated.
constexpr std::array<std::string_view, 6> campaign_invariants{
    "issued_within_stock",   "stock_within_limit",  "issued_is_coupons",
    "sequences_without_gap", "no_duplicate_claims", "coupons_are_decided",
};
constexpr std::array<std::string_view, 1> counted_in_full_passes_only{"no_duplicate_claims"};

std::vector<std::string_view> all_invariants() {
  std::vector<std::string_view> all(campaign_invariants.begin(), campaign_invariants.end());
  all.insert(all.end(), std::begin(partition_invariants), std::end(partition_invariants));
  return all;
}

double seconds(Timestamp time) {
  return static_cast<double>(time.value) / 1'000.0;
}

}  // namespace

Reconciler::Reconciler(Facts& facts, ports::AuditResults& results, const MissingCoupons& missing,
                       const ToldOffsets& told, ports::Clock& clock, ports::Logger& logger, ports::Metrics& metrics,
                       Settings settings)
    : facts_(facts),
      results_(results),
      missing_(missing),
      told_(told),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      settings_(settings),
      violations_(logger, metrics, all_invariants()),
      recent_from_(clock.now()),
      full_due_us_(clock.monotonic_us()),
      campaigns_checked_(metrics.counter("openrun_reconciler_campaigns_checked_total", "Campaigns looked at.")),
      store_up_(metrics.gauge("openrun_reconciler_store_up", "1 where the last look at the store succeeded.")),
      last_success_(metrics.gauge("openrun_reconciler_last_success_timestamp_seconds",
                                  "When the recently changed campaigns were last all checked, in seconds since 1970.")),
      full_pass_done_(metrics.gauge("openrun_reconciler_full_pass_timestamp_seconds",
                                    "When all campaigns were last checked, in seconds since 1970.")) {}

std::int64_t Reconciler::turn() {
  const std::int64_t begin_us = clock_.monotonic_us();
  const std::int64_t deadline_us = begin_us + settings_.interval_ms * 1'000;
  if (!recent_.is_running) {
    const Timestamp now = clock_.now();
    const Timestamp since{std::max<std::int64_t>(1, recent_from_.value - overlap_ms)};
    recent_ = {.is_running = true, .after = {}, .changed_since = since, .began_at = now};
  }
  if (!full_.is_running && begin_us >= full_due_us_) {
    full_ = {.is_running = true, .after = {}, .changed_since = {}, .began_at = clock_.now()};
    full_due_us_ = begin_us + settings_.full_interval_ms * 1'000;
    sound_through_.clear();
  }
  if (check_partitions() && advance(recent_, deadline_us)) {
    if (!recent_.is_running) {
      recent_pass_ended();
      last_success_.set(seconds(clock_.now()));
    }
    const bool was_running = full_.is_running;
    if (was_running && advance(full_, deadline_us) && !full_.is_running) full_pass_ended();
    keep_result();
  }
  const std::int64_t worked_ms = (clock_.monotonic_us() - begin_us) / 1'000;
  return std::max(settings_.interval_ms, worked_ms * rest_factor);
}

bool Reconciler::check_partitions() {
  // Before the store is asked: whoever was told of a result by then stands behind a checkpoint that was committed.
  const std::map<Partition, Offset> told = told_.ends();
  const auto partitions = facts_.partitions(sound_through_);
  if (!partitions) {
    store_failed(partitions.error());
    return false;
  }
  store_answered();
  for (const PartitionFacts& facts : *partitions) {
    // A store that was restored runs back as a whole, and is caught up; it begins anew here.
    const auto end = told.find(facts.partition);
    if (end != told.end() && facts.next_offset < end->second) furthest_.erase(facts.partition);
    const auto known = furthest_.find(facts.partition);
    const auto before = known == furthest_.end() ? std::nullopt : std::optional(known->second);
    const std::vector<Finding> found = check_partition(facts, before);
    violations_.update({Subject::Kind::partition, facts.partition.value}, found);
    if (found.empty() && facts.outbox_next.value >= 0) {
      sound_through_[facts.partition] = facts.outbox_next;
    } else {
      sound_through_.erase(facts.partition);
    }
    if (!before || (facts.next_offset >= before->next_offset && facts.epoch >= before->epoch)) {
      furthest_[facts.partition] = facts;
    }
    const ports::Metrics::Labels labels{{"partition", std::to_string(facts.partition.value)}};
    metrics_.gauge("openrun_outbox_backlog", "Outbox rows that are not yet known to be published.", labels)
        .set(static_cast<double>(facts.outbox_backlog));
    metrics_.gauge("openrun_open_dead_letters", "Dead letters that are neither replayed nor discarded.", labels)
        .set(static_cast<double>(facts.open_dead_letters));
  }
  return true;
}

bool Reconciler::advance(Pass& pass, std::int64_t deadline_us) {
  const bool is_full = pass.changed_since == Timestamp{};
  // At least one chunk a turn, so that every pass ends.
  do {
    const std::size_t limit = chunk_;
    const auto campaigns =
        facts_.stored_campaigns(pass.after, limit, pass.changed_since,
                                is_full ? std::vector<issuance::StoredCampaign>{} : known_after(pass.after, limit));
    if (!campaigns) {
      chunk_ = std::max<std::size_t>(1, chunk_ / 2);
      chunks_since_failure_ = 0;
      store_failed(campaigns.error());
      return false;
    }
    if (++chunks_since_failure_ % chunks_before_growth == 0) chunk_ = std::min(chunk_campaigns_max, chunk_ * 2);
    store_answered();
    for (const issuance::StoredCampaign& campaign : *campaigns) {
      check(campaign, is_full);
      pass.after = campaign.campaign;
      pass.coupons += static_cast<std::uint64_t>(campaign.coupons);
    }
    pass.campaigns += campaigns->size();
    pass.is_running = campaigns->size() >= limit;
  } while (pass.is_running && clock_.monotonic_us() < deadline_us);
  return true;
}

void Reconciler::check(const issuance::StoredCampaign& campaign, bool is_full) {
  std::vector<Finding> found;
  for (issuance::Violation& violation : issuance::check_stored(campaign)) {
    found.push_back({std::move(violation.invariant), std::move(violation.detail)});
  }
  const std::span<const std::string_view> unchecked =
      is_full ? std::span<const std::string_view>{} : std::span<const std::string_view>(counted_in_full_passes_only);
  violations_.update({Subject::Kind::campaign, campaign.campaign.value}, found, unchecked);
  campaigns_checked_.add();
  // What is not sound is counted as a whole until it is, by either pass.
  if (!found.empty()) {
    known_.erase(campaign.campaign);
  } else if (!is_full) {
    known_[campaign.campaign] = {campaign, recent_passes_};
  }
}

std::vector<issuance::StoredCampaign> Reconciler::known_after(CampaignId after, std::size_t limit) const {
  std::vector<issuance::StoredCampaign> known;
  for (auto next = known_.upper_bound(after); next != known_.end() && known.size() < limit; ++next)
    known.push_back(next->second.facts);
  return known;
}

void Reconciler::recent_pass_ended() {
  recent_from_ = recent_.began_at;
  std::erase_if(known_, [this](const auto& one) { return one.second.pass != recent_passes_; });
  ++recent_passes_;
}

void Reconciler::full_pass_ended() {
  const Timestamp now = clock_.now();
  full_pass_done_.set(seconds(now));
  result_ = {};
  result_.kind = ports::AuditKind::reconciler;
  result_.done_by = "openrun-reconciler";
  result_.took_ms = std::max<std::int64_t>(0, now.value - full_.began_at.value);
  result_.partitions = furthest_.size();
  result_.campaigns = full_.campaigns;
  result_.coupons = full_.coupons;
  is_result_kept_ = false;
}

void Reconciler::keep_result() {
  if (result_.done_by.empty()) return;
  const std::uint64_t missing = missing_;
  const std::uint64_t news = violations_.changes() + missing;
  const std::int64_t now_us = clock_.monotonic_us();
  if ((is_result_kept_ && news == kept_news_) || now_us < keep_due_us_) return;
  keep_due_us_ = now_us + keep_interval_ms * 1'000;
  result_.found = violations_.size() + missing;
  result_.findings.clear();
  if (missing > 0) {
    result_.findings.push_back({"acknowledged_is_issued", std::to_string(missing) +
                                                              " coupons that somebody was told of since the reconciler "
                                                              "began are not in the store; its log names them"});
  }
  for (Finding& one : violations_.first(ports::audit_findings_max - result_.findings.size()))
    result_.findings.push_back({std::move(one.invariant), std::move(one.detail)});
  const auto kept = results_.keep(result_);
  if (!kept) {
    if (!is_keeping_told_)
      logger_.warning("what was found cannot be kept for the page", {{"error", kept.error().message}});
    is_keeping_told_ = true;
    return;
  }
  is_keeping_told_ = false;
  is_result_kept_ = true;
  kept_news_ = news;
}

void Reconciler::store_answered() {
  if (is_store_up_.exchange(true)) return;
  store_up_.set(1);
  if (is_outage_told_) logger_.info("the store answers again");
  is_outage_told_ = false;
}

void Reconciler::store_failed(const Error& error) {
  is_store_up_ = false;
  store_up_.set(0);
  if (!is_outage_told_) logger_.warning("the store does not answer; waiting for it", {{"error", error.message}});
  is_outage_told_ = true;
}

std::string Reconciler::not_ready_reason() const {
  return is_store_up_ ? "" : "waiting for Postgres";
}

}  // namespace openrun::reconciler
