// The campaigns that this gateway knows: terms as of a command, counters as of an offset of the campaign's partition.
// Only newer ones apply, so results may come late, twice and out of order. Any thread; locks are held for a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::gateway {

// What only a command changes; shared between readers.
struct CampaignDetails {
  CampaignId id;
  Partition partition;
  issuance::CampaignTerms terms;  // stock, starts_at and ends_at as of terms_offset: see CampaignView for the newest
  Timestamp created_at;
  Timestamp updated_at;
  Offset terms_offset;
};

struct CampaignView {
  std::shared_ptr<const CampaignDetails> details;
  std::uint32_t stock = 0;
  std::uint32_t issued = 0;
  bool paused = false;
  bool closed = false;
  Timestamp starts_at;
  std::optional<Timestamp> ends_at;
  Offset terms_offset;       // of the counters: above that of the details means that those must be read again
  Offset version;            // the counters are those right after this offset of the partition
  std::int64_t read_us = 0;  // monotonic time of the last read from the store; 0: never

  [[nodiscard]] bool details_current() const { return details->terms_offset >= terms_offset; }
};

// As the core and state_at() know it.
[[nodiscard]] issuance::Campaign to_campaign(const CampaignView& view);

class CampaignCache {
 public:
  explicit CampaignCache(std::size_t campaigns_max);

  [[nodiscard]] std::optional<CampaignView> find(CampaignId campaign);

  // What the store says. Returns the view afterwards.
  CampaignView apply(const ports::StoredCampaign& stored, std::int64_t now_us);
  // What a batch says about a campaign, as it stands right after offset `version`. An unknown campaign is left unknown.
  // Returns the view where the campaign is known.
  std::optional<CampaignView> apply(const wire::CampaignCounters& counters, Offset version);
  // A campaign right after a command that was applied; makes it known.
  CampaignView apply(const issuance::Campaign& campaign, Partition partition, Offset version);

  // Whether `interval_us` have passed since the last claim of this campaign: true for one caller only.
  [[nodiscard]] bool claim_refresh(CampaignId campaign, std::int64_t now_us, std::int64_t interval_us);

  [[nodiscard]] std::size_t size() const;

  // Of the campaigns known here that issue coupons at `now`: neither paused, closed, ended nor before their start.
  // Looks at every campaign.
  struct Stock {
    std::size_t campaigns = 0;
    std::uint64_t left = 0;
  };
  [[nodiscard]] Stock stock_open(Timestamp now) const;

 private:
  struct Entry {
    CampaignView view;
    std::int64_t refresh_claimed_us = 0;
    bool used = true;  // second chance
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<CampaignId, Entry> entries;
    std::vector<CampaignId> clock;  // in the order of arrival, for the second chance
    std::size_t hand = 0;
  };
  static constexpr std::size_t shards = 16;

  Shard& shard(CampaignId campaign) { return shards_[campaign.value % shards]; }
  Entry& entry(Shard& shard, CampaignId campaign);
  static void take_details(CampaignView& view, const issuance::Campaign& campaign, Partition partition);
  static void take_counters(CampaignView& view, const issuance::Campaign& campaign, Offset version);

  std::size_t per_shard_max_;
  std::array<Shard, shards> shards_;
};

}  // namespace openrun::gateway
