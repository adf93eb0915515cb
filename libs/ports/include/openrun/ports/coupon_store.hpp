// The issuer's store: snapshot, checkpoint and outbox at once. Implemented by libs/postgres and libs/sim.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/issuance/machine.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::ports {

struct CouponRow {
  CampaignId campaign;
  Sequence sequence;
  std::string user;
  std::string idempotency_key;  // '' where max_per_user is 1
  std::string code;             // filled in by the issuer right after the decision
  issuance::CodeFormat code_format = issuance::CodeFormat::hangul;
  Timestamp issued_at;
  std::optional<Timestamp> valid_until;
  Offset request_offset;
  std::uint32_t request_nonce = 0;  // 0: its record is not known by it
};

struct CommandRow {
  CampaignId campaign;
  std::string idempotency_key;
  Offset offset;
  issuance::Outcome outcome;
};

struct DeadLetterRow {
  Offset offset;
  Timestamp log_time;
  std::string key;
  std::string value;
  Headers headers;
  std::string reason;  // UPPER_CASE
  std::string error;   // what exactly, for the operator
  std::uint32_t replays = 0;
};

// `origin` is resolved by the record at `final_offset` of the same partition.
struct ReplayRow {
  Offset origin;
  Offset final_offset;
};

// One transaction. Everything in it takes effect, or nothing.
struct CommitBatch {
  Partition partition;
  Epoch epoch;
  Offset expected_next_offset;  // the compare of the compare-and-swap, with `epoch`
  Offset next_offset;           // the swap
  Timestamp log_time;
  std::uint64_t fingerprint = 0;  // of record next_offset-1 (wire::fingerprint)
  std::uint32_t decision_version = issuance::decision_version_supported;
  std::vector<CouponRow> coupons;             // ascending by request_offset
  std::vector<issuance::Campaign> campaigns;  // touched ones, as they stand after the batch; created ones too
  std::vector<Digest> digests;                // theirs, one each (crypto/coupon_chain.hpp)
  std::vector<CommandRow> commands;
  std::vector<DeadLetterRow> dead_letters;
  std::vector<ReplayRow> replays;
  // The outbox row; first_offset == expected_next_offset.
  std::string payload;  // wire: ResultBatch with the digests
};

enum class CommitOutcome : std::uint8_t {
  committed,
  rolled_back,  // certainly nothing of it is there; "retry or stop"
  in_doubt,     // the answer was lost: only the checkpoint can tell
  fenced,       // the compare-and-swap failed: somebody else writes this partition; stop
  refused,      // SQLSTATE class 22: some record's fault; find it by halving
  conflict,     // 23505: the machine's state is not the store's; rebuild
};
struct CommitAnswer {
  CommitOutcome outcome = CommitOutcome::rolled_back;
  std::string message;  // for the log; holds no user data
  // It was given up because it took too long, whichever side did so: less at once may get through.
  bool timed_out = false;
};

struct TakenOver {
  Epoch epoch;
  std::uint64_t fingerprint = 0;  // of record next_offset-1; meaningless where next_offset is 0
  issuance::PartitionSnapshot snapshot;
  std::vector<Digest> digests;  // of the snapshot's campaigns, one each
};

// One partition's writer. One thread at a time, except cancel(). Calls block, each of their statements at most the
// configured statement time-out.
class CouponStore {
 public:
  virtual ~CouponStore() = default;

  // Ends the backends of every earlier writer of this partition (by application_name), takes the next epoch, and reads
  // the state without details. Creates the checkpoint row (next_offset 0) for a new partition.
  [[nodiscard]] virtual Result<TakenOver> take_over(Partition partition) = 0;

  // After doubt or any other failure: ends this writer's own old backend, locks the checkpoint, and reads the state
  // again under the epoch held. Error::Kind::conflict: the epoch is no longer ours; stop.
  [[nodiscard]] virtual Result<TakenOver> rebuild(Partition partition, Epoch epoch) = 0;

  // Everything that decisions about these campaigns need, of one moment: one detail each, in their order; an empty one
  // where there are no rows. No campaign is named twice. The caller bounds how many coupons they have among them.
  // Error::Kind::conflict: the epoch is no longer ours; stop.
  [[nodiscard]] virtual Result<std::vector<issuance::CampaignDetail>> load_details(
      std::span<const CampaignId> campaigns, std::uint64_t hash_seed) = 0;

  [[nodiscard]] virtual CommitAnswer commit(const CommitBatch& batch) = 0;
  // The same, rolled back at the end in any case: `committed` means it would have been accepted.
  [[nodiscard]] virtual CommitAnswer probe(const CommitBatch& batch) = 0;

  // dispatch_per_second of this partition (its own row, else the default row); 0 = as fast as possible.
  [[nodiscard]] virtual Result<std::uint32_t> dispatch_per_second(Partition partition) = 0;

  // `openrun dlq accept`: whether an operator allowed offsets [first, last] of this partition to be dead-lettered in
  // bulk.
  [[nodiscard]] virtual Result<bool> dead_letters_accepted(Partition partition, Offset first, Offset last) = 0;

  // Ends a running call soon, from any thread; the call then fails.
  virtual void cancel() = 0;
};

}  // namespace openrun::ports
