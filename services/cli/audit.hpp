// `openrun audit`: the invariants of contract section 5, checked over everything that Postgres holds. The facts come
// in; nothing here does I/O. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/issuance/invariants.hpp>

namespace openrun::cli {

struct AuditedCoupon {
  CampaignId campaign;
  Sequence sequence;
  std::string code;
  Partition request_partition;
  Offset request_offset;
  Timestamp issued_at;
  Timestamp starts_at;  // of its campaign
};

struct AuditedPartition {
  Partition partition;
  Offset next_offset;
  std::int64_t outbox_gaps = 0;
  Offset outbox_next;  // one past the newest row, -1 without rows
  Offset published_through;
};

struct Finding {
  std::string invariant;
  std::string text;
};

class Audit {
 public:
  explicit Audit(const crypto::CouponCodes& codes) : codes_(codes) {}

  void campaign(const issuance::StoredCampaign& campaign);
  // In ascending order of (campaign, sequence).
  void coupon(const AuditedCoupon& coupon);
  void partition(const AuditedPartition& partition);

  [[nodiscard]] bool clean() const { return found_ == 0; }
  [[nodiscard]] std::uint64_t found() const { return found_; }
  // The first findings_max of them, in the order in which they were found.
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  [[nodiscard]] std::uint64_t campaigns() const { return campaigns_; }
  [[nodiscard]] std::uint64_t coupons() const { return coupons_; }
  [[nodiscard]] std::uint64_t partitions() const { return partitions_; }

  static constexpr std::size_t findings_max = 1'000;

 private:
  void find(std::string invariant, std::string text);

  const crypto::CouponCodes& codes_;
  std::vector<Finding> findings_;
  std::uint64_t found_ = 0;
  std::uint64_t campaigns_ = 0;
  std::uint64_t coupons_ = 0;
  std::uint64_t partitions_ = 0;
  CampaignId last_campaign_;
  Offset last_offset_;
};

}  // namespace openrun::cli
