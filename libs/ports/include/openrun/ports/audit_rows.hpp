// What the audit reads from the store: the rows of one moment, streamed. Implemented by libs/postgres.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/coupon_store.hpp>

namespace openrun::ports {

struct StoredCheckpoint {
  Partition partition;
  Epoch epoch;
  Offset next_offset;
  Timestamp log_time;
  std::uint64_t fingerprint = 0;  // of record next_offset-1
  std::uint32_t decision_version = 0;
  Offset published_through;  // the relay's: outbox rows that begin below it stand in the results topic
  std::int64_t issued = 0;   // by the counters of its campaigns: what the audit has to expect
};

struct StoredCampaignRow {
  issuance::Campaign campaign;
  std::string state;  // the column
  Partition partition;
  Offset counters_offset;  // last offset of the last batch that touched it
  Digest digest{};
  std::optional<Offset> first_command;  // the place of the oldest command that is remembered of it
};

struct StoredCoupon {
  CampaignId campaign;
  Sequence sequence;
  std::string user;
  std::string idempotency_key;
  std::string code;
  Timestamp issued_at;
  std::optional<Timestamp> valid_until;
  Partition request_partition;
  Offset request_offset;
  std::uint32_t request_nonce = 0;
};

struct StoredDeadLetter {
  DeadLetterRow row;
  bool discarded = false;
  std::optional<Partition> final_partition;
  std::optional<Offset> final_offset;
};

struct StoredOutboxRow {
  Offset first_offset;
  Offset last_offset;
  Timestamp created_at;
  std::string payload;
};

// One moment (one REPEATABLE READ transaction) from the first call to the destructor. One thread. Calls block, each
// bounded by the statement time-out. After a failure nothing more can be read.
class AuditRows {
 public:
  virtual ~AuditRows() = default;

  // Of every partition, ascending.
  [[nodiscard]] virtual Result<std::vector<StoredCheckpoint>> checkpoints() = 0;
  // Of one partition, by id.
  [[nodiscard]] virtual Result<std::vector<StoredCampaignRow>> campaigns(Partition partition) = 0;
  [[nodiscard]] virtual Result<std::optional<StoredCampaignRow>> campaign(CampaignId campaign) = 0;

  // From here on the four next_...() walk over the rows of this partition's campaigns, each from its beginning; the
  // walks of another partition end.
  [[nodiscard]] virtual Result<void> open(Partition partition) = 0;
  // The next rows, at most rows_page or bytes of about a page; none at the end.
  static constexpr std::size_t rows_page = 2'000;
  static constexpr std::size_t payloads_page = 16;  // of rows that may be as large as a batch
  [[nodiscard]] virtual Result<std::vector<StoredCoupon>> next_coupons() = 0;  // by request_offset, campaign, sequence
  [[nodiscard]] virtual Result<std::vector<CommandRow>> next_commands() = 0;   // by request_offset, campaign
  [[nodiscard]] virtual Result<std::vector<StoredDeadLetter>> next_dead_letters() = 0;  // by offset
  [[nodiscard]] virtual Result<std::vector<StoredOutboxRow>> next_outbox_rows() = 0;    // by first_offset

  // One outbox row by its key; empty where there is none.
  [[nodiscard]] virtual Result<std::optional<StoredOutboxRow>> outbox_row(Partition partition, Offset first_offset) = 0;
};

}  // namespace openrun::ports
