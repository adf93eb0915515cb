// Watches everything that becomes durable and everything that anybody is told, and holds it to the invariants at once.
// What it compares with is what the simulated store has committed. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/crypto/receipt.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/wire/result_batch.hpp>

#include "context.hpp"

namespace openrun::simulation {

// What a gateway was asked, as far as its answer is checked by it.
struct Asked {
  enum class Kind : std::uint8_t { request, poll, command, campaign } kind = Kind::request;
  CampaignId campaign;
  std::string user;
  std::string key;
  std::string receipt;  // of a poll
  std::int64_t sent_us = 0;
  bool settled = false;   // asked after all was settled, and not for the first time: the answer must be the newest
  bool waits = false;     // until the outcome is known, or its time is over
  bool stranger = false;  // a poll with a receipt of another life of the log: its outcome must never be shown
};

// An answer, read.
struct Told {
  unsigned status = 0;  // 0: none came
  std::string receipt;
  std::string state;  // waiting, issued, rejected, failed, applied; empty where the body names none
  std::string reason;
  std::string code;  // of the coupon
  std::int64_t sequence = 0;
  std::string issued_at;      // of the coupon
  std::int64_t campaign = 0;  // id of a campaign in the body
  std::int64_t stock = 0;     // of a campaign
  std::int64_t issued = 0;    // of a campaign
  std::int64_t poll_after_ms = 0;

  [[nodiscard]] bool decided() const { return state == "issued" || state == "rejected" || state == "applied"; }
};
[[nodiscard]] Told read_answer(const ports::HttpResponse& response);

class Checker {
 public:
  explicit Checker(Context& context);

  // ---- who writes ----
  [[nodiscard]] std::uint64_t new_writer() { return ++writers_; }
  [[nodiscard]] sim::BackendId new_backend() { return ++backends_; }
  void took_over(Partition partition, Epoch epoch, std::uint64_t writer);
  // A transaction is about to begin.
  void begins(Partition partition, std::uint64_t writer);

  // An issuer tells this past the log, whether anybody listens or not.
  void told_past_the_log(std::string_view payload);

  // An issuer has given up a partition.
  void stopped(Partition partition, Epoch epoch, const std::string& reason, const std::string& message);
  // The partition's requests are no longer those that were decided: from here on nothing may be, and an issuer must
  // say so.
  void lost_log(Partition partition) { lost_logs_.insert(partition); }
  // Only its issuer is watched from then on.
  [[nodiscard]] bool has_lost_log() const { return !lost_logs_.empty(); }
  [[nodiscard]] bool loss_was_noticed() const { return loss_noticed_; }

  // ---- what the relay says is done ----
  void cursor_saved(Partition partition, Offset cursor);
  void marked_exported(Partition partition, const sim::DeadLetter& letter);

  // ---- what a gateway tells; called when it is told ----
  void told(const std::string& gateway, Timestamp gateway_time, const Asked& asked, const Told& told);

  // ---- what is true ----
  // Null: not committed.
  [[nodiscard]] const wire::OutcomeEntry* outcome(Partition partition, Offset offset) const;
  // Of a dead letter that was replayed: the outcome of the replay.
  [[nodiscard]] const wire::OutcomeEntry* final_outcome(Partition partition, Offset offset) const;
  [[nodiscard]] const std::vector<wire::OutcomeEntry>& outcomes(Partition partition) { return outcomes_[partition]; }
  [[nodiscard]] bool is_published(Partition partition, Offset first_offset) const;
  // Whether the batch that begins there added stock to a campaign that had been sold out.
  [[nodiscard]] bool restocked_in(Partition partition, Offset first_offset) const {
    return restocked_.contains({partition, first_offset});
  }
  // The newest accepted requests: each was told 202 (or more) by some gateway.
  [[nodiscard]] const std::set<std::string>& receipts() const { return receipts_; }
  [[nodiscard]] bool sold_out_now(CampaignId campaign) const;

  // Everything once more, from the tables alone.
  void check_all();

 private:
  struct CampaignFacts {
    std::int64_t created_us = 0;
    bool ever_sold_out = false;
    bool ever_closed = false;
    std::uint32_t first_winners = 0;  // so many were issued when it was sold out for the first time
    std::uint32_t stock = 0;
    bool paused = false;
    std::int64_t changed_us = 0;  // the newest change of stock or pause
    Timestamp starts_at_max;
    std::optional<Timestamp> ends_at_min;
  };

  void committed(const ports::CommitBatch& batch);
  void check_batch(const ports::CommitBatch& batch, const wire::ResultBatch& results);
  void check_times(const ports::CommitBatch& batch, const wire::ResultBatch& results);
  void check_dispatch_rate(const ports::CommitBatch& batch, const wire::ResultBatch& results);
  void check_bulk(const ports::CommitBatch& batch, const wire::ResultBatch& results);
  void check_campaign(CampaignId campaign);
  void check_digest(CampaignId campaign, const wire::ResultBatch& results);
  void note_campaign(const ports::CommitBatch& batch, const issuance::Campaign& campaign);
  void note_situations(const ports::CommitBatch& batch, const wire::ResultBatch& results);
  // Whether the outbox holds exactly this.
  [[nodiscard]] bool is_committed(const wire::ResultBatch& batch, std::string_view payload);
  void appended(ports::Topic topic, Partition partition, const sim::Broker::Record& record);
  void told_decided(const std::string& who, const Asked& asked, const Told& told, const crypto::Receipt& place);
  // Whether the answer must know how the campaign stands.
  [[nodiscard]] static bool is_settled(const Asked& asked, const CampaignFacts& facts);
  void told_a_stranger(const std::string& who, const Told& told);
  void told_at_the_gate(const std::string& who, Timestamp gateway_time, const Asked& asked, const Told& told);
  void check_winner(const std::string& who, const Asked& asked, const Told& told, const CampaignFacts& facts);
  void check_coupon(const std::string& who, const Asked& asked, const Told& told, CampaignId campaign,
                    Sequence sequence);

  Context& context_;
  std::uint64_t writers_ = 0;
  sim::BackendId backends_ = 0;
  std::map<std::pair<Partition, Epoch>, std::uint64_t> epochs_;
  std::map<Partition, Epoch> last_epoch_;
  // Since the newest takeover.
  struct Reign {
    std::int64_t begun_us = 0;
    std::int64_t requests = 0;
  };
  std::map<Partition, Reign> reigns_;
  std::set<Partition> lost_logs_;
  bool loss_noticed_ = false;
  struct LastBegin {
    std::uint64_t writer = 0;
    std::int64_t time_us = -1'000'000;
  };
  std::map<Partition, LastBegin> last_begin_;
  std::map<Partition, std::vector<wire::OutcomeEntry>> outcomes_;  // by offset, dense
  std::map<Partition, std::set<Offset>> published_;                // first offsets that stood in the results topic
  std::map<Partition, Offset> newest_published_;
  std::map<Partition, std::map<Offset, std::string>> exported_;  // values in the dead-letters topic
  std::map<CampaignId, CampaignFacts> campaigns_;
  struct Chain {
    std::uint32_t links = 0;
    Digest head;
  };
  std::map<CampaignId, Chain> chains_;
  std::set<std::pair<Partition, Offset>> restocked_;
  std::set<std::string> receipts_;
  std::set<std::string> shown_failed_;
};

}  // namespace openrun::simulation
