// The store ports over libpq. The schema is in schema/*.sql, compiled in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/invariants.hpp>
#include <openrun/ports/audit_rows.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/outbox.hpp>
#include <openrun/postgres/health.hpp>

namespace openrun::postgres {

struct Options {
  std::string url;
  std::string password_file;  // its first line is the password, read at each new connection; empty: as the URL says
  std::chrono::seconds connect_timeout{3};
  std::chrono::milliseconds statement_timeout{5'000};
  std::chrono::milliseconds lock_timeout{500};
  std::string application;   // application_name of connections that are not a partition's writer
  Health* health = nullptr;  // where what is wrong is told; outlives all that is made with these options
};

// Connections are opened on first use and again after a failure; nothing here needs a database at construction.
[[nodiscard]] std::unique_ptr<ports::CouponStore> make_coupon_store(const Options& options, ports::Logger& logger);
[[nodiscard]] std::unique_ptr<ports::Outbox> make_outbox(const Options& options, ports::Logger& logger);
[[nodiscard]] std::unique_ptr<ports::GatewayStore> make_gateway_store(const Options& options, ports::Logger& logger);

// Brings the schema up to date, one transaction a step, under an advisory lock; returns the names of the steps it ran.
// Stores the code key's fingerprint, or fails (Error::Kind::conflict) where another one is stored.
[[nodiscard]] Result<std::vector<std::string>> migrate(const Options& options, const std::string& code_key_fingerprint);
// Fails where the schema is older than this build, or newer without allowing this build beside it (schema_steps.hpp),
// or the code key is another one: every daemon calls it at start.
[[nodiscard]] Result<void> check_schema(const Options& options, const std::string& code_key_fingerprint);

// The facts that reconciler and audit compare. Each call reads one snapshot (REPEATABLE READ).
class AuditStore {
 public:
  virtual ~AuditStore() = default;
  // Campaigns with id above `after`, ascending, at most `limit`; updated_since limits to those changed lately (0: all).
  // Of one that is `known`, from an answer before that was sound, the coupons that were there then are not read again,
  // but taken for what they were; unless its counter has run back since.
  [[nodiscard]] virtual Result<std::vector<issuance::StoredCampaign>> stored_campaigns(
      CampaignId after, std::size_t limit, Timestamp updated_since,
      std::span<const issuance::StoredCampaign> known) = 0;
  struct CodeRow {
    CampaignId campaign;
    Sequence sequence;
    std::string code;
    Partition request_partition;
    Offset request_offset;
    Timestamp issued_at;
    Timestamp starts_at;
    std::string user;
    std::string idempotency_key;
    std::optional<Timestamp> valid_until;
    bool has_campaign = true;
    // Of its campaign.
    Digest digest{};
    std::string state;
    std::optional<Timestamp> ends_at;
  };
  // Every coupon in order of (campaign, sequence), streamed; a campaign without coupons comes once, with sequence 0.
  [[nodiscard]] virtual Result<std::uint64_t> each_code(const std::function<void(const CodeRow&)>& each) = 0;
  struct ExportRow {
    Sequence sequence;
    std::string user;
    std::string idempotency_key;
    std::string code;
    std::string status;
    Timestamp issued_at;
    std::optional<Timestamp> valid_until;
    std::optional<Timestamp> used_at;
    Partition request_partition;
    Offset request_offset;
  };
  // Every coupon of one campaign in order of sequences, streamed; then the campaign's digest.
  // Error::Kind::not_found: there is no such campaign.
  [[nodiscard]] virtual Result<Digest> export_coupons(CampaignId campaign,
                                                      const std::function<void(const ExportRow&)>& each) = 0;
  struct PartitionRow {
    Partition partition;
    Epoch epoch;
    Offset next_offset;
    Offset outbox_first;           // of the oldest kept row; -1 without rows
    Offset outbox_next;            // one past the newest row's last_offset; -1 without rows
    std::int64_t outbox_gaps = 0;  // rows that do not begin where the one before ended
    Offset published_through;
    std::int64_t outbox_backlog = 0;  // rows not yet known to be published
    std::int64_t open_dead_letters = 0;
    Timestamp log_time;
  };
  // Gaps are looked for from the offset that `sound_through` names for the partition, or in all of its outbox.
  [[nodiscard]] virtual Result<std::vector<PartitionRow>> partitions(
      const std::map<Partition, Offset>& sound_through) = 0;

  // Coupons of one campaign with sequences `first` to `last` whose requests stood in `partition`.
  struct CouponRange {
    CampaignId campaign;
    Partition partition;
    Sequence first;
    Sequence last;
  };
  // The sum over the coupons of (sequence mod 1000003 + 1) * (request_offset mod 2^42), mod 2^62.
  struct CouponSum {
    std::int64_t coupons = 0;
    std::uint64_t sum = 0;
  };
  // One for each range, in their order: one read of the primary key each, in one statement.
  [[nodiscard]] virtual Result<std::vector<CouponSum>> coupon_sums(const std::vector<CouponRange>& ranges) = 0;
  struct CouponKey {
    Sequence sequence;
    Offset request_offset;
  };
  // Ascending by sequence.
  [[nodiscard]] virtual Result<std::vector<CouponKey>> coupon_keys(const CouponRange& range) = 0;
  // next_offset by partition.
  [[nodiscard]] virtual Result<std::map<Partition, Offset>> checkpoints() = 0;
};
[[nodiscard]] std::unique_ptr<AuditStore> make_audit_store(const Options& options, ports::Logger& logger);

// The rows of one moment for `openrun audit --deep`, `why`, `campaign history` and `campaign export`. Holds a
// transaction open until it is destroyed.
[[nodiscard]] std::unique_ptr<ports::AuditRows> make_audit_rows(const Options& options);

}  // namespace openrun::postgres
