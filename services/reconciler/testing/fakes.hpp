// Stand-ins for the reconciler's tests: everything is set by the test, nothing waits.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <openrun/ports/audit_results.hpp>
#include <openrun/ports/testing/clock.hpp>

#include "reconciler/facts.hpp"

namespace openrun::reconciler::testing {

class FakeFacts final : public Facts {
 public:
  struct Campaign {
    issuance::StoredCampaign stored;
    Timestamp changed_at;
  };
  struct Call {
    CampaignId after;
    std::size_t limit;
    Timestamp changed_since;
    std::vector<issuance::StoredCampaign> known;
  };

  Result<std::vector<issuance::StoredCampaign>> stored_campaigns(
      CampaignId after, std::size_t limit, Timestamp changed_since,
      std::span<const issuance::StoredCampaign> known) override {
    calls.push_back({after, limit, changed_since, {known.begin(), known.end()}});
    clock.advance_ms(call_takes_ms);
    if (is_down || limit > limit_that_times_out) return fail(Error::Kind::unavailable, "no answer in time");
    std::vector<issuance::StoredCampaign> page;
    for (const auto& [id, campaign] : campaigns) {
      if (id <= after || campaign.changed_at < changed_since || page.size() >= limit) continue;
      page.push_back(campaign.stored);
      if (changed_since != Timestamp{}) page.back().duplicate_claims = 0;
      // No coupon is new, and the others are taken for what they were.
      const auto before = std::ranges::find(known, id, &issuance::StoredCampaign::campaign);
      if (before != known.end() && before->coupons == campaign.stored.issued) {
        page.back().coupons = page.back().sequence_max = before->coupons;
        page.back().sequence_min = before->sequence_min;
        page.back().offset_max = before->offset_max;
      }
    }
    return page;
  }
  Result<std::vector<PartitionFacts>> partitions(const std::map<Partition, Offset>& sound_through) override {
    sound.push_back(sound_through);
    if (is_down) return fail(Error::Kind::unavailable, "connection refused");
    return partition_facts;
  }

  explicit FakeFacts(ports::testing::FakeClock& the_clock) : clock(the_clock) {}
  // A sound campaign with as many coupons.
  issuance::StoredCampaign& add(std::uint32_t id, std::int64_t coupons) {
    issuance::StoredCampaign stored;
    stored.campaign = CampaignId{id};
    stored.stock = coupons + 10;
    stored.issued = stored.coupons = stored.sequence_max = coupons;
    stored.sequence_min = coupons > 0 ? 1 : 0;
    stored.offset_max = coupons - 1;
    stored.next_offset = coupons;
    campaigns[CampaignId{id}] = {stored, clock.now()};
    return campaigns[CampaignId{id}].stored;
  }

  ports::testing::FakeClock& clock;
  std::map<CampaignId, Campaign> campaigns;
  std::vector<PartitionFacts> partition_facts;
  std::vector<Call> calls;
  std::vector<std::map<Partition, Offset>> sound;  // of each call of partitions()
  bool is_down = false;
  std::size_t limit_that_times_out = 1'000'000;
  std::int64_t call_takes_ms = 0;
};

class FakeResults final : public ports::AuditResults {
 public:
  Result<void> keep(const ports::AuditResult& result) override {
    calls += 1;
    if (is_down) return fail(Error::Kind::unavailable, "permission denied");
    kept.push_back(result);
    return {};
  }
  std::vector<ports::AuditResult> kept;
  int calls = 0;
  bool is_down = false;
};

}  // namespace openrun::reconciler::testing
