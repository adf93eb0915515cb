#include "cli/partition_audit.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/wire/json.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::cli {

PartitionAudit::PartitionAudit(const AuditKeys& keys, const ports::StoredCheckpoint& checkpoint, StartState start,
                               const std::vector<ports::StoredCampaignRow>& campaigns, RowStreams& streams,
                               Findings& findings)
    : keys_(keys),
      checkpoint_(checkpoint),
      campaigns_(campaigns),
      streams_(streams),
      findings_(findings),
      from_(start.snapshot.next_offset),
      heads_(start.heads),
      reexecution_(std::move(start)),
      outcomes_(from_, checkpoint.next_offset) {}

std::string PartitionAudit::at(Offset offset) const {
  return "partition " + std::to_string(checkpoint_.partition.value) + " offset " + std::to_string(offset.value);
}

void PartitionAudit::find(const char* invariant, const std::string& where, const std::string& what) {
  findings_.add(invariant, where + ": " + what);
}

Result<void> PartitionAudit::record(const ports::LogRecord& record, const HeadersOf& headers_of) {
  if (!outcomes_.covers(record.offset)) return {};
  auto verdict = verdict_on(record);
  if (!verdict) return std::unexpected(std::move(verdict.error()));
  if (auto taken = take_coupons(record.offset); !taken) return taken;
  if (auto taken = take_commands(record.offset); !taken) return taken;
  if (auto opened = open_batch(record.offset); !opened) return opened;
  auto step = reexecution_.apply(record, *verdict);
  if (!step) return std::unexpected(Error{step.error().kind, at(record.offset) + ": " + step.error().message});
  counts_.records += 1;
  for (const issuance::Violation& violation : step->violations) {
    find(violation.invariant.c_str(), at(record.offset), violation.detail);
  }
  expect(record, *step, headers_of);
  leftover();
  last_offset_ = record.offset;
  if (record.offset + 1 == checkpoint_.next_offset) last_fingerprint_ = wire::fingerprint(record.offset, record.value);
  return {};
}

// Takes the dead letters up to the record: that of the record itself may hold the store's verdict on it.
Result<Verdict> PartitionAudit::verdict_on(const ports::LogRecord& record) {
  dead_letter_.reset();
  const auto taken = streams_.dead_letters.take_while([&](const auto& row) { return row.row.offset <= record.offset; },
                                                      [&](const ports::StoredDeadLetter& row) {
                                                        stored_resolved_.emplace(row.row.offset, row.final_offset);
                                                        if (row.discarded && !row.final_offset)
                                                          given_up_.insert(row.row.offset);
                                                        if (row.row.offset == record.offset) {
                                                          dead_letter_ = row;
                                                        } else {
                                                          find("dead_letter_was_decided", at(row.row.offset),
                                                               "a dead letter is stored, but the log holds no record");
                                                        }
                                                      });
  if (!taken) return std::unexpected(taken.error());
  Verdict verdict;
  if (dead_letter_ && dead_letter_->row.reason == wire::store_refused) verdict.refusal = &dead_letter_->row.error;
  if (!given_up_.empty()) {
    const wire::ReadRecord read = wire::read_record(record.offset, record.time, record.value, verdict.refusal);
    const auto* replay = std::get_if<issuance::Replay>(&read.input.event);
    verdict.replay_of_discarded = replay != nullptr && given_up_.contains(replay->origin);
  }
  return verdict;
}

void PartitionAudit::expect(const ports::LogRecord& record, const Step& step, const HeadersOf& headers_of) {
  using issuance::Outcome;
  const issuance::Decision& decision = step.decision;
  std::uint64_t winner = 0;
  const issuance::Campaign* after = nullptr;
  if (!step.known) {
    counts_.unknown += 1;
    outcomes_.add_unknown(decision.offset);
  } else {
    if (decision.outcome == Outcome::issued) {
      winner = keys_.user_hash(decision.campaign.value, wire::request_of(step.read.input.event)->user);
      expect_coupon(step);
      touch(decision.campaign, decision.offset);
    } else if (issuance::is_command(decision.outcome)) {
      if (decision.outcome == Outcome::command_applied) {
        after = step.after;
        touch(decision.campaign, decision.offset);
      }
      expect_command(step);
    } else if (decision.outcome == Outcome::dead_lettered) {
      expect_dead_letter(record, step, headers_of);
    }
    outcomes_.add(entry_of(decision, step.read.nonce, winner));
  }
  if (decision.origin) resolved_.emplace(*decision.origin, decision.offset);
  if (batch_) {
    batch_->builder.add(decision, step.read.nonce, winner, after);
    batch_->records += 1;
  }
}

void PartitionAudit::touch(CampaignId campaign, Offset offset) {
  touched_.insert_or_assign(campaign, Touched{offset, batch_ ? std::optional(batch_->row.last_offset) : std::nullopt});
  if (batch_) batch_->touched.insert(campaign);
}

Result<void> PartitionAudit::finish() {
  if (batch_) close_batch();
  coupons_.clear();
  commands_.clear();
  dead_letter_.reset();
  if (auto rows = finish_rows(); !rows) return rows;
  for (const auto& [offset, stored] : stored_resolved_) {
    const auto decided = resolved_.find(offset);
    const std::optional<Offset> expected = decided == resolved_.end() ? std::nullopt : std::optional(decided->second);
    if (stored == expected) continue;
    const auto word = [](const std::optional<Offset>& by) {
      return by ? "by offset " + std::to_string(by->value) : std::string("by none");
    };
    find("dead_letter_final_as_decided", at(offset),
         "the dead letter is stored as resolved " + word(stored) + ", the log resolved it " + word(expected));
  }
  finish_campaigns();
  finish_checkpoint();
  return {};
}

// What stands behind the last record was decided by nobody.
Result<void> PartitionAudit::finish_rows() {
  const auto all = [](const auto&) { return true; };
  auto done = streams_.coupons.take_while(all, [&](const ports::StoredCoupon& row) { forged(row); });
  if (done) {
    done = streams_.commands.take_while(all, [&](const ports::CommandRow& row) { commands_.push_back(row); });
  }
  if (done) {
    done = streams_.dead_letters.take_while(all, [&](const ports::StoredDeadLetter& row) {
      find("dead_letter_was_decided", at(row.row.offset), "a dead letter is stored beyond the checkpoint");
    });
  }
  if (done) {
    done = streams_.outbox.take_while(all, [&](const ports::StoredOutboxRow& row) {
      if (row.last_offset < from_) return;
      find("outbox_as_decided", at(row.first_offset), "an outbox row stands beyond the checkpoint");
    });
  }
  leftover();
  return done;
}

void PartitionAudit::finish_campaigns() {
  std::set<CampaignId> stored;
  for (const ports::StoredCampaignRow& row : campaigns_) {
    stored.insert(row.campaign.id);
    if (reexecution_.is_unknown(row.campaign.id)) continue;
    if (const issuance::Campaign* decided = reexecution_.machine().find(row.campaign.id)) {
      compare(*decided, row);
    } else {
      find("campaign_was_created", "campaign " + std::to_string(row.campaign.id.value),
           "it is stored, but no command in the log created it");
    }
  }
  for (const CampaignId id : reexecution_.machine().campaign_ids()) {
    if (stored.contains(id)) continue;
    find("campaign_is_stored", "campaign " + std::to_string(id.value), "it was created, but has no row");
  }
}

void PartitionAudit::finish_checkpoint() {
  const issuance::Machine& machine = reexecution_.machine();
  const std::string where = "partition " + std::to_string(checkpoint_.partition.value);
  if (counts_.records == 0) return;
  if (machine.next_offset() != checkpoint_.next_offset) {
    find("checkpoint_as_decided", where,
         "the checkpoint stands at " + std::to_string(checkpoint_.next_offset.value) +
             ", the last record below it at offset " + std::to_string(last_offset_.value));
  } else if (last_fingerprint_ != checkpoint_.fingerprint) {
    find("checkpoint_as_decided", where, "the fingerprint of the last record is another");
  }
  if (machine.log_time() != checkpoint_.log_time) {
    find("checkpoint_as_decided", where,
         "the log time is " + wire::format_time(checkpoint_.log_time.value) + ", decided was " +
             wire::format_time(machine.log_time().value));
  }
  if (machine.decision_version() != checkpoint_.decision_version) {
    find("checkpoint_as_decided", where, "the decision version is another");
  }
}

}  // namespace openrun::cli
