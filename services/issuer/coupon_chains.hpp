// What a batch gets last, just before its commit, because it costs time that deciding should not wait for: the coupons'
// codes and the digests of the touched campaigns (crypto/coupon_chain.hpp). Used by whoever makes the store's calls;
// one thread at a time.
#pragma once

#include <map>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/ports/coupon_store.hpp>

namespace openrun::issuer {

class CouponChains {
 public:
  explicit CouponChains(const crypto::CouponCodes& codes) : codes_(codes) {}

  // The heads are those of the store from now on. With every answer to TakeOver and Rebuild.
  void reset(const ports::TakenOver& taken);
  // Fills in codes and digests, on top of what was committed last, and appends the digests to the payload. A batch that
  // is complete already (it was probed before) stays as it is.
  void complete(ports::CommitBatch& batch) const;
  // The batch is durable: the next one goes on from its digests.
  void committed(const ports::CommitBatch& batch);

 private:
  const crypto::CouponCodes& codes_;
  std::map<CampaignId, Digest> heads_;
};

}  // namespace openrun::issuer
