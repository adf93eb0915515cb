#include "issuer/coupon_chains.hpp"

#include <openrun/base/assert.hpp>
#include <openrun/crypto/coupon_chain.hpp>

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

void CouponChains::extend(Partition partition, ports::CouponRow& coupon) {
  auto head = heads_.find(coupon.campaign);
  if (head == heads_.end()) head = heads_.emplace(coupon.campaign, crypto::chain_start(coupon.campaign)).first;
  coupon.code = codes_.encode({coupon.campaign, coupon.sequence}, alphabet_of(coupon));
  head->second =
      crypto::chain_next(head->second, {coupon.sequence, partition, coupon.request_offset, coupon.issued_at,
                                        coupon.valid_until, coupon.user, coupon.idempotency_key, coupon.code});
}

Digest CouponChains::head(CampaignId campaign) const {
  const auto known = heads_.find(campaign);
  return known == heads_.end() ? crypto::chain_start(campaign) : known->second;
}

}  // namespace openrun::issuer
