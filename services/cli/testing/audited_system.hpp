// A partition that an issuer has written, in memory: the log, and the rows as Postgres would hold them, made by the
// issuer's own batches. For tests that spoil what is stored.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/ports/audit_rows.hpp>

#include "issuer/batch.hpp"
#include "issuer/coupon_chains.hpp"
#include "issuer/testing/fake_log.hpp"

namespace openrun::testing {

// What is stored; each page of the walks is two rows, so that pages matter.
class FakeRows final : public ports::AuditRows {
 public:
  ports::StoredCheckpoint checkpoint;
  std::vector<ports::StoredCampaignRow> stored_campaigns;
  std::vector<ports::StoredCoupon> coupons;
  std::vector<ports::CommandRow> commands;
  std::vector<ports::StoredDeadLetter> dead_letters;
  std::vector<ports::StoredOutboxRow> outbox;

  Result<std::vector<ports::StoredCheckpoint>> checkpoints() override { return std::vector{checkpoint}; }
  Result<std::vector<ports::StoredCampaignRow>> campaigns(Partition /*partition*/) override { return stored_campaigns; }
  Result<std::optional<ports::StoredCampaignRow>> campaign(CampaignId campaign) override;
  Result<void> open(Partition partition) override;
  Result<std::vector<ports::StoredCoupon>> next_coupons() override { return page(coupons, coupons_at_); }
  Result<std::vector<ports::CommandRow>> next_commands() override { return page(commands, commands_at_); }
  Result<std::vector<ports::StoredDeadLetter>> next_dead_letters() override { return page(dead_letters, letters_at_); }
  Result<std::vector<ports::StoredOutboxRow>> next_outbox_rows() override { return page(outbox, outbox_at_); }
  Result<std::optional<ports::StoredOutboxRow>> outbox_row(Partition partition, Offset first_offset) override;

 private:
  template <class Row>
  static std::vector<Row> page(const std::vector<Row>& rows, std::size_t& at) {
    std::vector<Row> taken;
    for (; at < rows.size() && taken.size() < 2; ++at) taken.push_back(rows[at]);
    return taken;
  }
  std::size_t coupons_at_ = 0;
  std::size_t commands_at_ = 0;
  std::size_t letters_at_ = 0;
  std::size_t outbox_at_ = 0;
};

class AuditedSystem {
 public:
  AuditedSystem();

  // Appends to the log; decided and stored with the next commit(). `refused`: the store refuses it.
  Offset append(const std::string& value, bool refused = false);
  void commit();

  FakeLog log;
  FakeRows rows;
  crypto::CouponCodes codes;
  crypto::UserHash user_hash;

 private:
  void store(const ports::CommitBatch& batch);
  void store_campaigns(const ports::CommitBatch& batch);

  issuance::Machine machine_;
  issuer::CouponChains chains_;
  std::map<Offset, std::string> refused_;
  Offset next_;
};

}  // namespace openrun::testing
