// What a coupon gets beside the decision: its code, and its place in its campaign's chain (crypto/coupon_chain.hpp).
// The chains stand where the machine stands: they grow with the batch that is being decided, and like the machine they
// are dropped and read from the store again where a batch came to nothing. One thread at a time.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

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
  // Fills in the codes and moves the campaigns' chains on; coupons come in the order of their sequences. Many at once
  // are cheaper: codes of one alphabet that follow each other are made together.
  void extend(Partition partition, std::span<ports::CouponRow> coupons);
  // After the campaign's last coupon.
  [[nodiscard]] Digest head(CampaignId campaign) const;

 private:
  // Coupons of one alphabet, at most as many as are worked on at once.
  void fill_in_codes(std::span<ports::CouponRow> coupons);
  void link(Partition partition, const ports::CouponRow& coupon);

  const crypto::CouponCodes& codes_;
  std::map<CampaignId, Digest> heads_;
  // Of the coupons whose codes are being made, kept for their memory.
  std::vector<crypto::CouponKey> keys_;
  std::vector<std::string> made_;
};

}  // namespace openrun::issuer
