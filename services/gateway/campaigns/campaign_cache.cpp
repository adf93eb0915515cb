#include "gateway/campaigns/campaign_cache.hpp"

#include <algorithm>

namespace openrun::gateway {

issuance::Campaign to_campaign(const CampaignView& view) {
  issuance::Campaign campaign;
  campaign.id = view.details->id;
  campaign.terms = view.details->terms;
  campaign.terms.stock = view.stock;
  campaign.terms.starts_at = view.starts_at;
  campaign.terms.ends_at = view.ends_at;
  campaign.issued = view.issued;
  campaign.paused = view.paused;
  campaign.closed = view.closed;
  campaign.created_at = view.details->created_at;
  campaign.updated_at = view.details->updated_at;
  campaign.terms_offset = view.terms_offset;
  return campaign;
}

CampaignCache::CampaignCache(std::size_t campaigns_max)
    : per_shard_max_(std::max<std::size_t>(campaigns_max / shards, 1)) {}

std::optional<CampaignView> CampaignCache::find(CampaignId campaign) {
  Shard& home = shard(campaign);
  std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(campaign);
  if (found == home.entries.end()) return std::nullopt;
  found->second.used = true;
  return found->second.view;
}

CampaignCache::Entry& CampaignCache::entry(Shard& home, CampaignId campaign) {
  const auto [at, made] = home.entries.try_emplace(campaign);
  if (!made) return at->second;
  if (home.clock.size() < per_shard_max_) {
    home.clock.push_back(campaign);
    return at->second;
  }
  for (;;) {
    CampaignId& candidate = home.clock[home.hand];
    home.hand = (home.hand + 1) % home.clock.size();
    Entry& old = home.entries.at(candidate);
    if (old.used) {
      old.used = false;
      continue;
    }
    home.entries.erase(candidate);
    candidate = campaign;
    return home.entries.at(campaign);
  }
}

void CampaignCache::take_details(CampaignView& view, const issuance::Campaign& campaign, Partition partition) {
  if (view.details && view.details->terms_offset >= campaign.terms_offset) return;
  auto details = std::make_shared<CampaignDetails>();
  details->id = campaign.id;
  details->partition = partition;
  details->terms = campaign.terms;
  details->created_at = campaign.created_at;
  details->updated_at = campaign.updated_at;
  details->terms_offset = campaign.terms_offset;
  view.details = std::move(details);
}

void CampaignCache::take_counters(CampaignView& view, const issuance::Campaign& campaign, Offset version) {
  view.stock = campaign.terms.stock;
  view.issued = campaign.issued;
  view.paused = campaign.paused;
  view.closed = campaign.closed;
  view.starts_at = campaign.terms.starts_at;
  view.ends_at = campaign.terms.ends_at;
  view.terms_offset = campaign.terms_offset;
  view.version = version;
}

CampaignView CampaignCache::apply(const ports::StoredCampaign& stored, std::int64_t now_us) {
  Shard& home = shard(stored.campaign.id);
  std::lock_guard lock(home.mutex);
  Entry& target = entry(home, stored.campaign.id);
  const bool first = !target.view.details;
  take_details(target.view, stored.campaign, stored.partition);
  if (first || stored.counters_offset >= target.view.version) {
    take_counters(target.view, stored.campaign, stored.counters_offset);
  }
  target.view.read_us = now_us;
  return target.view;
}

std::optional<CampaignView> CampaignCache::apply(const wire::CampaignCounters& counters, Offset version) {
  Shard& home = shard(counters.campaign);
  std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(counters.campaign);
  if (found == home.entries.end()) return std::nullopt;
  CampaignView& view = found->second.view;
  if (version > view.version) {
    view.stock = counters.stock;
    view.issued = counters.issued;
    view.paused = counters.paused;
    view.closed = counters.closed;
    view.starts_at = counters.starts_at;
    view.ends_at = counters.ends_at;
    view.terms_offset = counters.terms_offset;
    view.version = version;
  }
  return view;
}

CampaignView CampaignCache::apply(const issuance::Campaign& campaign, Partition partition, Offset version) {
  Shard& home = shard(campaign.id);
  std::lock_guard lock(home.mutex);
  Entry& target = entry(home, campaign.id);
  const bool first = !target.view.details;
  take_details(target.view, campaign, partition);
  if (first || version > target.view.version) take_counters(target.view, campaign, version);
  return target.view;
}

bool CampaignCache::claim_refresh(CampaignId campaign, std::int64_t now_us, std::int64_t interval_us) {
  Shard& home = shard(campaign);
  std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(campaign);
  if (found == home.entries.end()) return false;
  std::int64_t& claimed = found->second.refresh_claimed_us;
  if (claimed != 0 && now_us - claimed < interval_us) return false;
  claimed = now_us;
  return true;
}

std::size_t CampaignCache::size() const {
  std::size_t sum = 0;
  for (const Shard& one : shards_) {
    std::lock_guard lock(one.mutex);
    sum += one.entries.size();
  }
  return sum;
}

CampaignCache::Stock CampaignCache::stock_open(Timestamp now) const {
  Stock sum;
  for (const Shard& one : shards_) {
    std::lock_guard lock(one.mutex);
    for (const auto& [id, entry] : one.entries) {
      const CampaignView& view = entry.view;
      const bool has_ended = view.ends_at && now >= *view.ends_at;
      if (view.paused || view.closed || has_ended || now < view.starts_at || view.issued >= view.stock) continue;
      ++sum.campaigns;
      sum.left += view.stock - view.issued;
    }
  }
  return sum;
}

}  // namespace openrun::gateway
