#include "issuer/coupon_chains.hpp"

#include <openrun/base/assert.hpp>
#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::issuer {
namespace {

crypto::CodeAlphabet alphabet_of(const ports::CouponRow& coupon) {
  return coupon.code_format == issuance::CodeFormat::latin ? crypto::CodeAlphabet::latin : crypto::CodeAlphabet::hangul;
}

}  // namespace

void CouponChains::reset(const ports::TakenOver& taken) {
  OPENRUN_ASSERT(taken.digests.size() == taken.snapshot.campaigns.size(), "every stored campaign has a digest");
  heads_.clear();
  for (std::size_t i = 0; i < taken.digests.size(); ++i) {
    heads_.emplace(taken.snapshot.campaigns[i].id, taken.digests[i]);
  }
}

void CouponChains::complete(ports::CommitBatch& batch) const {
  if (batch.digests.size() == batch.campaigns.size() && !batch.campaigns.empty()) return;
  std::map<CampaignId, Digest> heads;
  for (const issuance::Campaign& campaign : batch.campaigns) {
    const auto known = heads_.find(campaign.id);
    heads.emplace(campaign.id, known == heads_.end() ? crypto::chain_start(campaign.id) : known->second);
  }
  auto head = heads.end();
  for (ports::CouponRow& coupon : batch.coupons) {
    if (head == heads.end() || head->first != coupon.campaign) head = heads.find(coupon.campaign);
    OPENRUN_ASSERT(head != heads.end(), "a coupon's campaign is touched by its batch");
    coupon.code = codes_.encode({coupon.campaign, coupon.sequence}, alphabet_of(coupon));
    head->second =
        crypto::chain_next(head->second, {coupon.sequence, batch.partition, coupon.request_offset, coupon.issued_at,
                                          coupon.valid_until, coupon.user, coupon.idempotency_key, coupon.code});
  }
  batch.digests.reserve(batch.campaigns.size());
  for (const issuance::Campaign& campaign : batch.campaigns) batch.digests.push_back(heads.at(campaign.id));
  wire::append_digests(batch.payload, batch.digests);
}

void CouponChains::committed(const ports::CommitBatch& batch) {
  OPENRUN_ASSERT(batch.digests.size() == batch.campaigns.size(), "a batch is complete before it is committed");
  for (std::size_t i = 0; i < batch.digests.size(); ++i) heads_[batch.campaigns[i].id] = batch.digests[i];
}

}  // namespace openrun::issuer
