// What a coupon gets beside the decision: its code, and its place in its campaign's chain (crypto/coupon_chain.hpp).
// The chains stand where the machine stands: they grow with the batch that is being decided, and like the machine they
// are dropped and read from the store again where a batch came to nothing. One thread at a time.
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
  // Fills in the code and moves the campaign's chain on; coupons come in the order of their sequences.
  void extend(Partition partition, ports::CouponRow& coupon);
  // After the campaign's last coupon.
  [[nodiscard]] Digest head(CampaignId campaign) const;

 private:
  const crypto::CouponCodes& codes_;
  std::map<CampaignId, Digest> heads_;
};

}  // namespace openrun::issuer
