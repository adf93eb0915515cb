#include "cli/audit.hpp"

#include <utility>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::cli {

void Audit::find(std::string invariant, std::string text) {
  findings_.add(std::move(invariant), std::move(text));
}

void Audit::campaign(const issuance::StoredCampaign& campaign) {
  campaigns_ += 1;
  for (const issuance::Violation& violation : issuance::check_stored(campaign)) {
    find(violation.invariant, "campaign " + std::to_string(campaign.campaign.value) + ": " + violation.detail);
  }
}

void Audit::begin_coupons(const CampaignDigest& campaign) {
  end_coupons();
  digests_.push_back(campaign);
  digests_.back().computed = crypto::chain_start(campaign.campaign);
}

void Audit::end_coupons() {
  if (digests_.empty()) return;
  const CampaignDigest& last = digests_.back();
  if (last.computed == last.stored) return;
  find("campaign_digest_is_its_coupons", "campaign " + std::to_string(last.campaign.value) + ": its digest is " +
                                             crypto::hex(last.stored) + ", that of its coupon rows is " +
                                             crypto::hex(last.computed) + ": somebody changed a row");
}

void Audit::coupon(const AuditedCoupon& coupon) {
  coupons_ += 1;
  if (digests_.empty() || digests_.back().campaign != coupon.campaign) {
    find("coupon_has_a_campaign", "campaign " + std::to_string(coupon.campaign.value) + " sequence " +
                                      std::to_string(coupon.sequence.value) + ": there is no such campaign");
  } else {
    CampaignDigest& digest = digests_.back();
    digest.coupons += 1;
    digest.computed = crypto::chain_next(
        digest.computed, {coupon.sequence, coupon.request_partition, coupon.request_offset, coupon.issued_at,
                          coupon.valid_until, coupon.user, coupon.idempotency_key, coupon.code});
  }
  const auto name = [&] {
    return "campaign " + std::to_string(coupon.campaign.value) + " sequence " + std::to_string(coupon.sequence.value);
  };
  const auto decoded = codes_.decode(coupon.code);
  if (!decoded || *decoded != crypto::CouponKey{coupon.campaign, coupon.sequence}) {
    find("code_names_its_row",
         name() + ": its code does not decrypt to this coupon (changed, or made with another code key)");
  }
  if (coupon.campaign == last_campaign_ && coupon.request_offset <= last_offset_) {
    find("sequences_follow_the_log", name() + ": its request does not stand after that of the coupon before it");
  }
  if (coupon.issued_at < coupon.starts_at)
    find("nobody_before_the_start", name() + ": issued before its campaign's start");
  last_campaign_ = coupon.campaign;
  last_offset_ = coupon.request_offset;
}

void Audit::partition(const AuditedPartition& partition) {
  partitions_ += 1;
  const std::string name = "partition " + std::to_string(partition.partition.value) + ": ";
  if (partition.outbox_gaps != 0) {
    find("outbox_without_gap",
         name + std::to_string(partition.outbox_gaps) + " outbox rows do not begin where the one before ended");
  }
  if (partition.outbox_next.value >= 0 && partition.outbox_next != partition.next_offset) {
    find("outbox_reaches_the_checkpoint", name + "the outbox ends at offset " +
                                              std::to_string(partition.outbox_next.value) + ", the checkpoint at " +
                                              std::to_string(partition.next_offset.value));
  }
  if (partition.published_through > partition.next_offset) {
    find("published_only_what_is_committed", name + "the relay's cursor is beyond the checkpoint");
  }
}

}  // namespace openrun::cli
