#include "issuer/coupon_chains.hpp"

#include <algorithm>
#include <utility>

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

void CouponChains::extend(Partition partition, std::span<ports::CouponRow> coupons) {
  while (!coupons.empty()) {
    std::size_t count = 1;
    const auto fits = [&](const ports::CouponRow& coupon) { return coupon.code_format == coupons[0].code_format; };
    while (count < std::min(coupons.size(), crypto::Ff1Strings::side_by_side) && fits(coupons[count])) ++count;
    fill_in_codes(coupons.first(count));
    for (const ports::CouponRow& coupon : coupons.first(count)) link(partition, coupon);
    coupons = coupons.subspan(count);
  }
}

void CouponChains::fill_in_codes(std::span<ports::CouponRow> coupons) {
  keys_.clear();
  for (const ports::CouponRow& coupon : coupons) keys_.push_back({coupon.campaign, coupon.sequence});
  made_.resize(coupons.size());
  codes_.encode(keys_, alphabet_of(coupons[0]), made_);
  for (std::size_t i = 0; i < coupons.size(); ++i) coupons[i].code = std::move(made_[i]);
}

void CouponChains::link(Partition partition, const ports::CouponRow& coupon) {
  auto head = heads_.find(coupon.campaign);
  if (head == heads_.end()) head = heads_.emplace(coupon.campaign, crypto::chain_start(coupon.campaign)).first;
  head->second =
      crypto::chain_next(head->second, {coupon.sequence, partition, coupon.request_offset, coupon.issued_at,
                                        coupon.valid_until, coupon.user, coupon.idempotency_key, coupon.code});
}

Digest CouponChains::head(CampaignId campaign) const {
  const auto known = heads_.find(campaign);
  return known == heads_.end() ? crypto::chain_start(campaign) : known->second;
}

}  // namespace openrun::issuer
