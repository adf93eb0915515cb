#include "commit.hpp"

#include <utility>
#include <vector>

#include <openrun/base/assert.hpp>
#include <openrun/base/text.hpp>

#include "campaign_row.hpp"

namespace openrun::postgres {
namespace {

using ports::CommitAnswer;
using ports::CommitBatch;
using ports::CommitOutcome;

const Statement begin{"begin", "BEGIN"};
const Statement commit{"commit", "COMMIT"};
const Statement roll_back{"roll_back", "ROLLBACK"};
const Statement advance{"advance", "SELECT advance_checkpoint($1, $2, $3, $4, $5, $6, $7)"};
const Statement insert_outbox{
    "insert_outbox", "INSERT INTO outbox (partition, first_offset, last_offset, payload) VALUES ($1, $2, $3, $4)"};
const Statement insert_commands{"insert_commands",
                                "INSERT INTO campaign_command (campaign_id, idempotency_key, request_offset, outcome) "
                                "SELECT * FROM unnest($1, $2, $3, $4)"};
const Statement insert_dead_letter{
    "insert_dead_letter",
    "INSERT INTO dead_letter (partition, \"offset\", log_time, key, value, headers, reason, error, replays) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
const Statement resolve_replays{"resolve_replays",
                                "UPDATE dead_letter SET final_partition = $1, final_offset = resolved.final_offset "
                                "FROM unnest($2, $3) AS resolved(origin, final_offset) "
                                "WHERE partition = $1 AND \"offset\" = resolved.origin AND "
                                "dead_letter.final_offset IS NULL"};

// A dead letter must never be refused by the store itself, so its texts (ours, but perhaps with a piece of the record
// in them) are made ASCII where they are not good UTF-8.
std::string storable(std::string text) {
  if (utf8_length(text) != not_utf8 && text.find('\0') == std::string::npos) return text;
  for (char& byte : text) {
    if (byte == '\0' || static_cast<unsigned char>(byte) >= 0x80) byte = '?';
  }
  return text;
}

Parameters advance_parameters(const CommitBatch& batch) {
  Parameters parameters;
  parameters.int4(batch.partition.value)
      .int8(batch.epoch.value)
      .int8(batch.expected_next_offset.value)
      .int8(batch.next_offset.value)
      .timestamp(batch.log_time)
      .int8(static_cast<std::int64_t>(batch.fingerprint))
      .int4(static_cast<std::int32_t>(batch.decision_version));
  return parameters;
}

// The same as one text with literals (numbers only), because a COPY cannot stand in a pipeline.
std::string begin_and_copy(const CommitBatch& batch) {
  const auto number = [](auto value) { return std::to_string(static_cast<std::int64_t>(value)); };
  constexpr std::int64_t day_ms = 86'400'000;
  return "BEGIN; SELECT advance_checkpoint(" + number(batch.partition.value) + ", " + number(batch.epoch.value) + ", " +
         number(batch.expected_next_offset.value) + ", " + number(batch.next_offset.value) +
         ", timestamptz '1970-01-01 00:00:00Z' + interval '" + number(batch.log_time.value / day_ms) + " days " +
         number(batch.log_time.value % day_ms) + " milliseconds', '" + number(batch.fingerprint) + "', " +
         number(batch.decision_version) +
         "); COPY coupon (campaign_id, sequence, user_id, idempotency_key, code, issued_at, valid_until, "
         "request_partition, request_offset) FROM STDIN (FORMAT binary)";
}

CopyRows coupon_rows(const CommitBatch& batch) {
  CopyRows rows;
  for (const ports::CouponRow& coupon : batch.coupons) {
    rows.begin_row(9);
    rows.int4(static_cast<std::int32_t>(coupon.campaign.value));
    rows.int8(coupon.sequence.value);
    rows.text(coupon.user);
    rows.text(coupon.idempotency_key);
    rows.text(coupon.code);
    rows.timestamp(coupon.issued_at);
    rows.timestamp(coupon.valid_until);
    rows.int4(batch.partition.value);
    rows.int8(coupon.request_offset.value);
  }
  return rows;
}

Parameters command_parameters(const CommitBatch& batch) {
  Array campaign(Type::int4), key(Type::text), offset(Type::int8), outcome(Type::int4);
  for (const ports::CommandRow& command : batch.commands) {
    campaign.add_int4(static_cast<std::int32_t>(command.campaign.value));
    key.add_text(command.idempotency_key);
    offset.add_int8(command.offset.value);
    outcome.add_int4(std::to_underlying(command.outcome));
  }
  Parameters parameters;
  parameters.array(campaign).array(key).array(offset).array(outcome);
  return parameters;
}

Parameters dead_letter_parameters(Partition partition, const ports::DeadLetterRow& letter) {
  Array headers(Type::bytes);
  for (const auto& [name, value] : letter.headers) {
    headers.add_text(name);
    headers.add_text(value);
  }
  Parameters parameters;
  parameters.int4(partition.value)
      .int8(letter.offset.value)
      .timestamp(letter.log_time)
      .bytes(letter.key)
      .bytes(letter.value)
      .array(headers)
      .text(storable(letter.reason))
      .text(storable(letter.error))
      .int4(static_cast<std::int32_t>(letter.replays));
  return parameters;
}

Parameters replay_parameters(const CommitBatch& batch) {
  Array origin(Type::int8), final_offset(Type::int8);
  for (const ports::ReplayRow& replay : batch.replays) {
    origin.add_int8(replay.origin.value);
    final_offset.add_int8(replay.final_offset.value);
  }
  Parameters parameters;
  parameters.int4(batch.partition.value).array(origin).array(final_offset);
  return parameters;
}

// Everything behind the coupons, with the end of the transaction.
void append_tail(std::vector<Step>& steps, const CommitBatch& batch, Ending ending) {
  const Offset last_offset = batch.next_offset + -1;
  Parameters outbox;
  outbox.int4(batch.partition.value)
      .int8(batch.expected_next_offset.value)
      .int8(last_offset.value)
      .bytes(batch.payload);
  steps.push_back({&insert_outbox, std::move(outbox)});
  if (!batch.campaigns.empty()) {
    steps.push_back(
        {&upsert_campaigns, upsert_campaigns_parameters(batch.campaigns, batch.digests, batch.partition, last_offset)});
  }
  if (!batch.commands.empty()) steps.push_back({&insert_commands, command_parameters(batch)});
  for (const ports::DeadLetterRow& letter : batch.dead_letters) {
    steps.push_back({&insert_dead_letter, dead_letter_parameters(batch.partition, letter)});
  }
  if (!batch.replays.empty()) steps.push_back({&resolve_replays, replay_parameters(batch)});
  steps.push_back({ending == Ending::commit ? &commit : &roll_back, {}});
}

CommitAnswer answer_of(const Failure& failure) {
  if (failure.cause == Failure::Cause::statement) {
    if (failure.sqlstate == "OR001") return {CommitOutcome::fenced, failure.message};
    if (failure.sqlstate == "23505") return {CommitOutcome::conflict, failure.message};
    if (failure.sqlstate.starts_with("22")) return {CommitOutcome::refused, failure.message};
  }
  return {CommitOutcome::rolled_back, failure.message};
}

// What is known when the message that holds the COMMIT has (perhaps) left.
CommitAnswer answer_of_last_message(const PipelineFailure& failed, std::size_t commit_index, Ending ending) {
  const bool ends_unknown = failed.failure.cause == Failure::Cause::statement
                                ? false
                                : failed.failure.cause != Failure::Cause::ended || failed.index >= commit_index;
  if (ending == Ending::commit && ends_unknown) {
    return {CommitOutcome::in_doubt, "the answer to COMMIT was lost: " + failed.failure.message};
  }
  return answer_of(failed.failure);
}

}  // namespace

CommitAnswer write_batch(Connection& connection, const CommitBatch& batch, Ending ending,
                         std::optional<Failure>& failure) {
  const auto failed = [&failure](Failure why) {
    failure = std::move(why);
    return answer_of(*failure);
  };
  OPENRUN_ASSERT(batch.next_offset > batch.expected_next_offset, "a batch decides at least one offset");
  OPENRUN_ASSERT(batch.digests.size() == batch.campaigns.size(), "every touched campaign has a digest");
  std::vector<Step> steps;
  if (batch.coupons.empty()) {
    steps.push_back({&begin, {}});
    steps.push_back({&advance, advance_parameters(batch)});
  }
  append_tail(steps, batch, ending);
  if (auto prepared = connection.prepare(steps); !prepared) return failed(std::move(prepared.error()));
  if (!batch.coupons.empty()) {
    CopyRows rows = coupon_rows(batch);
    if (auto copied = connection.copy_in(begin_and_copy(batch), rows.finish()); !copied)
      return failed(std::move(copied.error()));
  }
  if (auto done = connection.run_pipeline(steps); !done) {
    failure = done.error().failure;
    return answer_of_last_message(done.error(), steps.size() - 1, ending);
  }
  return {CommitOutcome::committed, ""};
}

}  // namespace openrun::postgres
