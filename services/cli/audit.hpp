// `openrun audit`: the invariants of contract section 5, checked over everything that Postgres holds. The facts come
// in; nothing here does I/O. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/issuance/invariants.hpp>

#include "cli/findings.hpp"

namespace openrun::cli {

struct AuditedCoupon {
  CampaignId campaign;
  Sequence sequence;
  std::string code;
  Partition request_partition;
  Offset request_offset;
  Timestamp issued_at;
  Timestamp starts_at;  // of its campaign
  std::string user;
  std::string idempotency_key;
  std::optional<Timestamp> valid_until;
};

struct AuditedPartition {
  Partition partition;
  Offset next_offset;
  std::int64_t outbox_gaps = 0;
  Offset outbox_next;  // one past the newest row, -1 without rows
  Offset published_through;
};

// The digest of a campaign's coupons, as its row and as its coupons say.
struct CampaignDigest {
  CampaignId campaign;
  std::uint64_t coupons = 0;
  std::string state;  // the column
  std::optional<Timestamp> ends_at;
  Digest stored{};
  Digest computed{};
};

class Audit {
 public:
  explicit Audit(const crypto::CouponCodes& codes) : codes_(codes) {}

  void campaign(const issuance::StoredCampaign& campaign);
  // In ascending order of campaigns, each followed by its coupons in ascending order of sequences.
  void begin_coupons(const CampaignDigest& campaign);
  void coupon(const AuditedCoupon& coupon);
  // After the last coupon.
  void end_coupons();
  void partition(const AuditedPartition& partition);

  [[nodiscard]] bool clean() const { return findings_.count() == 0; }
  [[nodiscard]] const Findings& findings() const { return findings_; }
  // In ascending order of campaigns.
  [[nodiscard]] const std::vector<CampaignDigest>& digests() const { return digests_; }
  [[nodiscard]] std::uint64_t campaigns() const { return campaigns_; }
  [[nodiscard]] std::uint64_t coupons() const { return coupons_; }
  [[nodiscard]] std::uint64_t partitions() const { return partitions_; }

 private:
  void find(std::string invariant, std::string text);

  const crypto::CouponCodes& codes_;
  Findings findings_;
  std::vector<CampaignDigest> digests_;
  std::uint64_t campaigns_ = 0;
  std::uint64_t coupons_ = 0;
  std::uint64_t partitions_ = 0;
  CampaignId last_campaign_;
  Offset last_offset_;
};

}  // namespace openrun::cli
