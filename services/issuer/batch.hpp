// The batch that is being decided: grows with every decision, becomes one transaction. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/event.hpp>
#include <openrun/issuance/machine.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/wire/read_record.hpp>
#include <openrun/wire/result_batch.hpp>

#include "issuer/actions.hpp"
#include "issuer/coupon_chains.hpp"

namespace openrun::issuer {

// The 64-bit keyed hash of a winner that gateways keep (crypto::UserHash).
using WinnerHash = std::function<std::uint64_t(CampaignId, std::string_view user)>;
// The headers of a record of the read that was answered last (ports::LogReader::headers); asked for dead letters only.
using HeadersOf = std::function<ports::Headers(const ports::LogRecord&)>;

using wire::ReadRecord;

class PendingBatch {
 public:
  PendingBatch(Partition partition, Epoch epoch, Offset first_offset);

  [[nodiscard]] bool empty() const { return facts_.records == 0; }
  [[nodiscard]] std::size_t records() const { return facts_.records; }
  [[nodiscard]] std::size_t dead_letters() const { return batch_->dead_letters.size(); }
  [[nodiscard]] const std::vector<ports::DeadLetterRow>& dead_letter_rows() const { return batch_->dead_letters; }
  // Whether the record at `offset` still fits: in count, and with all that it could add in bytes of the result.
  [[nodiscard]] bool has_room_for(Offset offset, std::size_t records_max) const;

  // `decision` was made of `read` by `machine` just now.
  void add(const ports::LogRecord& record, const ReadRecord& read, const issuance::Decision& decision,
           const issuance::Machine& machine, const WinnerHash& winner_hash, const HeadersOf& headers_of);

  // Of the decision that was added last.
  void add_sampled(const SampledDecision& decision) { facts_.sampled.push_back(decision); }

  // Gives the coupons that were added since the last call their codes, and moves their chains on. It is the dearest
  // part of a coupon, so it belongs where nobody waits for it: right after deciding, while the batch before commits.
  void complete(CouponChains& chains);
  // Makes the transaction; `machine` stands right after the last decision, and so do `chains` afterwards. The batch is
  // used up.
  [[nodiscard]] std::shared_ptr<const ports::CommitBatch> seal(const issuance::Machine& machine, CouponChains& chains);
  [[nodiscard]] const BatchFacts& facts() const { return facts_; }

 private:
  void add_coupon(const ReadRecord& read, const issuance::Decision& decision, const issuance::Campaign& campaign);
  void add_command(const ReadRecord& read, const issuance::Decision& decision, const issuance::Machine& machine);
  void add_dead_letter(const ports::LogRecord& record, const ReadRecord& read, const issuance::Machine& machine,
                       const HeadersOf& headers_of);
  void touch(CampaignId campaign);

  std::shared_ptr<ports::CommitBatch> batch_;
  wire::ResultBatchBuilder results_;
  BatchFacts facts_;
  std::size_t completed_ = 0;        // coupons, from the first on
  std::vector<CampaignId> touched_;  // ascending, each once
  std::string last_value_;           // of the last record, for the fingerprint: only one of a batch is needed
};

}  // namespace openrun::issuer
