// Holds one partition's log, decided again record by record, against what Postgres holds of it. Sans I/O but for the
// rows, which it pulls from `streams` in step with the log. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/ports/audit_rows.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/wire/result_batch.hpp>

#include "cli/batch_diff.hpp"
#include "cli/findings.hpp"
#include "cli/outcome_table.hpp"
#include "cli/reexecution.hpp"
#include "cli/row_stream.hpp"

namespace openrun::cli {

struct AuditKeys {
  const crypto::CouponCodes& codes;
  const crypto::UserHash& user_hash;
};

class PartitionAudit {
 public:
  // `start` stands right before `from`; of the streams, rows below it are taken already. All must outlive this.
  PartitionAudit(const AuditKeys& keys, const ports::StoredCheckpoint& checkpoint, StartState start,
                 const std::vector<ports::StoredCampaignRow>& campaigns, RowStreams& streams, Findings& findings);

  using HeadersOf = std::function<ports::Headers(const ports::LogRecord&)>;
  // The next record below the checkpoint. Errors: rows that could not be read, rules that are not known here.
  [[nodiscard]] Result<void> record(const ports::LogRecord& record, const HeadersOf& headers_of);
  // After the last record below the checkpoint: what is left of the rows, the campaigns, the checkpoint.
  [[nodiscard]] Result<void> finish();

  [[nodiscard]] const Reexecution& reexecution() const { return reexecution_; }
  [[nodiscard]] OutcomeTable& outcomes() { return outcomes_; }
  [[nodiscard]] const std::map<CampaignId, Digest>& heads() const { return heads_; }

  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t unknown = 0;  // that could not be decided again
    std::uint64_t coupons = 0;
    std::uint64_t commands = 0;
    std::uint64_t dead_letters = 0;
    std::uint64_t outbox_rows = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // The first offset whose outbox row is still there; empty where there is none.
  [[nodiscard]] std::optional<Offset> outbox_first() const { return outbox_first_; }
  // The first offset of the first outbox row that was written at or after that time.
  void watch_rows_since(Timestamp time) { since_ = time; }
  [[nodiscard]] std::optional<Offset> first_row_since() const { return first_since_; }

 private:
  struct Batch {
    ports::StoredOutboxRow row;
    std::optional<wire::ResultBatch> found;
    wire::ResultBatchBuilder builder;
    BatchLimits limits;
    std::set<CampaignId> touched;
    std::uint64_t records = 0;
  };

  // partition_audit.cpp
  [[nodiscard]] Result<Verdict> verdict_on(const ports::LogRecord& record);
  void expect(const ports::LogRecord& record, const Step& step, const HeadersOf& headers_of);
  void touch(CampaignId campaign, Offset offset);
  [[nodiscard]] Result<void> finish_rows();
  void finish_campaigns();
  void finish_checkpoint();
  [[nodiscard]] std::string at(Offset offset) const;
  void find(const char* invariant, const std::string& where, const std::string& what);

  // partition_audit_rows.cpp
  [[nodiscard]] Result<void> take_coupons(Offset offset);
  [[nodiscard]] Result<void> take_commands(Offset offset);
  void expect_coupon(const Step& step);
  void expect_command(const Step& step);
  void expect_dead_letter(const ports::LogRecord& record, const Step& step, const HeadersOf& headers_of);
  void compare(const ports::StoredCoupon& expected, const ports::StoredCoupon& found);
  void compare(const ports::StoredDeadLetter& found, const ports::LogRecord& record, const Step& step,
               const HeadersOf& headers_of);
  void compare(const issuance::Campaign& expected, const ports::StoredCampaignRow& found);
  void forged(const ports::StoredCoupon& row);
  void leftover();

  // partition_audit_batches.cpp
  [[nodiscard]] Result<void> open_batch(Offset offset);
  void open_row(const ports::StoredOutboxRow& row);
  void close_batch();

  const AuditKeys keys_;
  const ports::StoredCheckpoint& checkpoint_;
  const std::vector<ports::StoredCampaignRow>& campaigns_;
  RowStreams& streams_;
  Findings& findings_;
  const Offset from_;
  std::map<CampaignId, Digest> heads_;
  Reexecution reexecution_;
  OutcomeTable outcomes_;
  Counts counts_;

  // Rows of the offset that is being looked at.
  std::vector<ports::StoredCoupon> coupons_;
  std::vector<ports::CommandRow> commands_;
  std::optional<ports::StoredDeadLetter> dead_letter_;
  std::set<Offset> given_up_;                                // dead letters that were discarded and never resolved
  std::map<Offset, Offset> resolved_;                        // origin -> the replay that resolved it
  std::map<Offset, std::optional<Offset>> stored_resolved_;  // of the rows of dead letters
  struct Touched {
    Offset offset;                    // the last that touched it
    std::optional<Offset> batch_end;  // of the outbox row that held it
  };
  std::map<CampaignId, Touched> touched_;

  std::optional<Batch> batch_;
  Offset batch_expected_;  // where the next outbox row begins
  std::optional<Offset> outbox_first_;
  std::optional<Timestamp> since_;
  std::optional<Offset> first_since_;
  Offset last_offset_;
  std::uint64_t last_fingerprint_ = 0;
};

}  // namespace openrun::cli
