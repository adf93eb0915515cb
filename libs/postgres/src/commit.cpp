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
// The compare-and-swap that every batch begins with, and its outbox row: one statement, because each has a price of its
// own. It raises OR001 where no checkpoint was moved, so that nothing behind it in the pipeline takes effect for a
// writer that has lost its partition. Who waits for the row's lock compares with the newest version of the row.
const Statement advance{
    "advance",
    "WITH moved AS (UPDATE partition_checkpoint SET next_offset = $4, log_time = $5, fingerprint = $6, "
    "decision_version = $7 WHERE partition = $1 AND epoch = $2 AND next_offset = $3 RETURNING partition) "
    "INSERT INTO outbox (partition, first_offset, last_offset, payload) "
    "VALUES (coalesce((SELECT partition FROM moved), refuse_fenced_writer()), $3, $4 - 1, $8)"};
// Arrays of one length, each unnested in the list of columns: in FROM the server would first write every element into a
// tuple store, one for each array, at half a microsecond a coupon.
const Statement insert_coupons{
    "insert_coupons",
    "INSERT INTO coupon (request_partition, campaign_id, sequence, user_id, idempotency_key, code, issued_at, "
    "valid_until, request_offset, request_nonce) SELECT $1, unnest($2), unnest($3), unnest($4), unnest($5), "
    "unnest($6), "
    "unnest($7), unnest($8), unnest($9), unnest($10)"};
// In the order of write_coupon().
constexpr const char* copy_coupons =
    "COPY coupon (request_partition, campaign_id, sequence, user_id, idempotency_key, code, issued_at, valid_until, "
    "request_offset, request_nonce) FROM STDIN (FORMAT binary)";
constexpr std::int16_t coupon_columns = 10;
// So small that the server begins early, so large that a system call a piece is nothing.
constexpr std::size_t copied_piece_bytes = 32'768;

const Statement insert_commands{"insert_commands",
                                "INSERT INTO campaign_command (campaign_id, idempotency_key, request_offset, outcome) "
                                "SELECT * FROM unnest($1, $2, $3, $4)"};
// A campaign's first command is its create. Where the gateway's reservation is gone (this database was restored from
// before it, and catches up from the log), the same key must not make a second campaign, nor another key take the id
// once more; one that has done so already gets another id. The count makes the INSERT wait for the DELETE.
const Statement repeat_reservations{
    "repeat_reservations",
    "WITH made AS (SELECT campaign_id, idempotency_key FROM unnest($2, $3, $4) AS given(campaign_id, idempotency_key, "
    "request_offset) WHERE NOT EXISTS (SELECT FROM campaign_command AS earlier WHERE "
    "earlier.campaign_id = given.campaign_id AND earlier.request_offset < given.request_offset)), "
    "lost AS (DELETE FROM campaign_reservation AS reserved USING made WHERE reserved.campaign_id = made.campaign_id "
    "AND reserved.idempotency_key <> made.idempotency_key RETURNING 1) "
    "INSERT INTO campaign_reservation (campaign_id, idempotency_key, partition) "
    "SELECT campaign_id, idempotency_key, $1 FROM made WHERE (SELECT count(*) FROM lost) >= 0 ON CONFLICT DO NOTHING"};
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
      .int4(static_cast<std::int32_t>(batch.decision_version))
      .bytes(batch.payload);
  return parameters;
}

Parameters coupon_parameters(const CommitBatch& batch) {
  Array campaign(Type::int4), sequence(Type::int8), user(Type::text), key(Type::text), code(Type::text),
      issued_at(Type::timestamp), valid_until(Type::timestamp), offset(Type::int8), nonce(Type::int4);
  for (const ports::CouponRow& coupon : batch.coupons) {
    campaign.add_int4(static_cast<std::int32_t>(coupon.campaign.value));
    sequence.add_int8(coupon.sequence.value);
    user.add_text(coupon.user);
    key.add_text(coupon.idempotency_key);
    code.add_text(coupon.code);
    issued_at.add_timestamp(coupon.issued_at);
    valid_until.add_timestamp(coupon.valid_until);
    offset.add_int8(coupon.request_offset.value);
    nonce.add_int4(static_cast<std::int32_t>(coupon.request_nonce));
  }
  Parameters parameters;
  parameters.int4(batch.partition.value);
  for (const Array* column : {&campaign, &sequence, &user, &key, &code, &issued_at, &valid_until, &offset, &nonce})
    parameters.array(*column);
  return parameters;
}

void write_coupon(CopyWriter& out, Partition partition, const ports::CouponRow& coupon) {
  out.row(coupon_columns);
  out.int4(partition.value);
  out.int4(static_cast<std::int32_t>(coupon.campaign.value));
  out.int8(coupon.sequence.value);
  out.text(coupon.user);
  out.text(coupon.idempotency_key);
  out.text(coupon.code);
  out.timestamp(coupon.issued_at);
  out.timestamp(coupon.valid_until);
  out.int8(coupon.request_offset.value);
  out.int4(static_cast<std::int32_t>(coupon.request_nonce));
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

Parameters reservation_parameters(const CommitBatch& batch) {
  Array campaign(Type::int4), key(Type::text), offset(Type::int8);
  for (const ports::CommandRow& command : batch.commands) {
    campaign.add_int4(static_cast<std::int32_t>(command.campaign.value));
    key.add_text(command.idempotency_key);
    offset.add_int8(command.offset.value);
  }
  Parameters parameters;
  parameters.int4(batch.partition.value).array(campaign).array(key).array(offset);
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

// What a batch touched, by how much of the rows it changes.
struct TouchedCampaigns {
  std::vector<TouchedCampaign> whole;
  std::vector<TouchedCampaign> counters;
};

// Where the batch holds the command that gave a campaign its present terms, they are not stored yet.
TouchedCampaigns touched_campaigns(const CommitBatch& batch) {
  TouchedCampaigns touched;
  for (std::size_t i = 0; i < batch.campaigns.size(); ++i) {
    const issuance::Campaign& campaign = batch.campaigns[i];
    const bool has_new_terms = campaign.terms_offset >= batch.expected_next_offset;
    (has_new_terms ? touched.whole : touched.counters).push_back({&campaign, &batch.digests[i]});
  }
  return touched;
}

// Where the transaction of a pipeline is committed. Without a BEGIN all steps up to the pipeline's end are one
// transaction, and the end commits it: two statements less. A COPY stands in no pipeline, and a trial is rolled back.
enum class CommittedBy { end_of_pipeline, statement };

// What comes before the coupons.
void append_beginning(std::vector<Step>& steps, const CommitBatch& batch, CommittedBy committed_by) {
  if (committed_by == CommittedBy::statement) steps.push_back({&begin, {}});
  steps.push_back({&advance, advance_parameters(batch)});
}

// What comes after them, but for the COMMIT.
void append_rest(std::vector<Step>& steps, const CommitBatch& batch, const TouchedCampaigns& touched) {
  const Offset last_offset = batch.next_offset + -1;
  if (!touched.counters.empty()) steps.push_back(update_counters_step(touched.counters, batch.partition, last_offset));
  if (!touched.whole.empty()) steps.push_back(upsert_campaigns_step(touched.whole, batch.partition, last_offset));
  if (!batch.commands.empty()) {
    steps.push_back({&insert_commands, command_parameters(batch)});
    steps.push_back({&repeat_reservations, reservation_parameters(batch)});
  }
  for (const ports::DeadLetterRow& letter : batch.dead_letters) {
    steps.push_back({&insert_dead_letter, dead_letter_parameters(batch.partition, letter)});
  }
  if (!batch.replays.empty()) steps.push_back({&resolve_replays, replay_parameters(batch)});
}

CommitAnswer answer_of(const Failure& failure) {
  if (failure.cause == Failure::Cause::statement) {
    if (failure.sqlstate == "OR001") return {CommitOutcome::fenced, failure.message};
    if (failure.sqlstate == "23505") return {CommitOutcome::conflict, failure.message};
    if (failure.sqlstate.starts_with("22")) return {CommitOutcome::refused, failure.message};
  }
  return {CommitOutcome::rolled_back, failure.message};
}

// The commit was asked for with everything else, so it may have been done wherever the server did not say what stopped
// it. `committing` is the index of what commits: the COMMIT, or the end of the pipeline. What is told from there on may
// come from behind the commit (a cancellation, say), whatever it is.
CommitAnswer answer_of_failed_pipeline(const PipelineFailure& failed, std::size_t committing, Ending ending) {
  const bool was_stopped_before = failed.index < committing && (failed.failure.cause == Failure::Cause::statement ||
                                                                failed.failure.cause == Failure::Cause::ended);
  if (ending == Ending::commit && !was_stopped_before) {
    return {CommitOutcome::in_doubt, "whether the batch was committed was not told: " + failed.failure.message};
  }
  return answer_of(failed.failure);
}

// Opens the transaction, moves the checkpoint and copies the coupons. The COMMIT has not left yet: where this fails,
// nothing is there.
Sql<void> copy_beginning(Connection& connection, const CommitBatch& batch) {
  std::vector<Step> steps;
  append_beginning(steps, batch, CommittedBy::statement);
  if (auto prepared = connection.prepare(steps); !prepared) return std::unexpected(std::move(prepared.error()));
  // Answered before a row leaves: a writer that has lost its partition takes no locks on its successor's coupons.
  if (auto begun = connection.run_pipeline(steps); !begun) return std::unexpected(std::move(begun.error().failure));
  std::size_t written = 0;
  CopyWriter out;
  out.begin();
  return connection.copy_in(copy_coupons, [&] {
    while (written < batch.coupons.size() && out.size() < copied_piece_bytes) {
      write_coupon(out, batch.partition, batch.coupons[written]);
      if (++written == batch.coupons.size()) out.end();
    }
    return out.taken();
  });
}

}  // namespace

CommitAnswer write_batch(Connection& connection, const CommitBatch& batch, Ending ending,
                         std::optional<Failure>& failure) {
  OPENRUN_ASSERT(batch.next_offset > batch.expected_next_offset, "a batch decides at least one offset");
  OPENRUN_ASSERT(batch.digests.size() == batch.campaigns.size(), "every touched campaign has a digest");
  const bool is_copied = batch.coupons.size() >= copied_coupons_min;
  const CommittedBy committed_by =
      is_copied || ending == Ending::roll_back ? CommittedBy::statement : CommittedBy::end_of_pipeline;
  std::vector<Step> steps;
  if (is_copied) {
    if (auto copied = copy_beginning(connection, batch); !copied) {
      failure = std::move(copied.error());
      return answer_of(*failure);
    }
  } else {
    append_beginning(steps, batch, committed_by);
    if (!batch.coupons.empty()) steps.push_back({&insert_coupons, coupon_parameters(batch)});
  }
  const TouchedCampaigns touched = touched_campaigns(batch);
  append_rest(steps, batch, touched);
  const std::size_t committing = steps.size();
  if (committed_by == CommittedBy::statement) steps.push_back({ending == Ending::commit ? &commit : &roll_back, {}});
  if (auto prepared = connection.prepare(steps); !prepared) {
    failure = std::move(prepared.error());
    return answer_of(*failure);
  }
  const auto rows = connection.run_pipeline(steps);
  if (!rows) {
    failure = rows.error().failure;
    return answer_of_failed_pipeline(rows.error(), committing, ending);
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool counts = steps[i].statement == &update_counters || steps[i].statement == &update_counters_of_many;
    if (counts && (*rows)[i] != std::ssize(touched.counters)) {
      failure = Failure{Failure::Cause::statement, "", "the row of a campaign is gone, or in another partition"};
      return {CommitOutcome::in_doubt, failure->message};
    }
  }
  return {CommitOutcome::committed, ""};
}

}  // namespace openrun::postgres
