#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <openrun/postgres/dead_letter_store.hpp>

#include "session.hpp"

namespace openrun::postgres {
namespace {

// A dead letter with its newest replay and its partition's frontier; the WHERE clause follows.
#define OPENRUN_DEAD_LETTER                                                                                            \
  "SELECT letter.id, letter.partition, letter.\"offset\", letter.log_time, letter.key, letter.value, letter.headers, " \
  "letter.reason, letter.error, replay.count, letter.created_at, letter.exported_at, replay.sent_at, "                 \
  "letter.discarded_at, letter.final_offset, replay.newest, coalesce(checkpoint.next_offset, 0) "                      \
  "FROM dead_letter AS letter LEFT JOIN partition_checkpoint AS checkpoint USING (partition) "                         \
  "CROSS JOIN LATERAL (SELECT count(*) AS count, max(sent_at) AS sent_at, max(replay_offset) AS newest "               \
  "FROM dead_letter_replay WHERE dead_letter_replay.partition = letter.partition AND "                                 \
  "origin_offset = letter.\"offset\") AS replay "

const Statement filtered{"filtered_letters", OPENRUN_DEAD_LETTER
                         "WHERE ($1 < 0 OR letter.partition = $1) AND letter.\"offset\" BETWEEN $2 AND $3 AND "
                         "($4 OR letter.created_at >= $5) AND ($6 = '' OR letter.reason = $6) AND "
                         "(letter.partition, letter.\"offset\") > ($7, $8) "
                         "ORDER BY letter.partition, letter.\"offset\" LIMIT $9"};
const Statement by_id{"letters_by_id",
                      OPENRUN_DEAD_LETTER "WHERE letter.id = ANY($1) ORDER BY letter.partition, letter.\"offset\""};
#undef OPENRUN_DEAD_LETTER
const Statement replays_of_letter{"replays_of_letter",
                                  "SELECT replay_offset, sent_at, coalesce(done_by, '') FROM dead_letter_replay "
                                  "LEFT JOIN dead_letter_action ON dead_letter_action.id = action_id "
                                  "WHERE partition = $1 AND origin_offset = $2 ORDER BY replay_offset"};
const Statement campaign_home{"campaign_home", "SELECT partition FROM campaign WHERE id = $1"};

// 'dlq' as a number. It belongs to the session: a tool that was killed holds nothing.
const Statement exclude_others{"exclude_others", "SELECT pg_advisory_lock(6581361)"};
const Statement insert_action{"insert_action",
                              "INSERT INTO dead_letter_action (action, filter, done_by, planned) "
                              "VALUES ($1, $2::text::jsonb, $3, $4) RETURNING id"};
const Statement end_action{"end_action", "UPDATE dead_letter_action SET finished_at = now() WHERE id = $1"};
// One statement, so that what was sent and how many belong together.
const Statement insert_replays{
    "insert_replays",
    "WITH added AS (INSERT INTO dead_letter_replay (partition, origin_offset, replay_offset, action_id) "
    "SELECT partition, origin, replay, $1 FROM unnest($2, $3, $4) AS sent(partition, origin, replay) "
    "ON CONFLICT DO NOTHING RETURNING 1) "
    "UPDATE dead_letter_action SET done = done + (SELECT count(*) FROM added) WHERE id = $1"};

// The issuer may hold some of these rows, because it is resolving them. A statement that locks several rows must
// therefore never wait for one, or the two could wait for each other: it passes over what is locked, and what it passed
// over is done one row at a time.
#define OPENRUN_COUNT_REPLAYS                                                                                 \
  "UPDATE dead_letter SET replayed_at = now(), replays = (SELECT count(*) FROM dead_letter_replay AS replay " \
  "WHERE replay.partition = dead_letter.partition AND replay.origin_offset = dead_letter.\"offset\") WHERE id "
const Statement count_free_replays{
    "count_free_replays", OPENRUN_COUNT_REPLAYS
    "IN (SELECT id FROM dead_letter WHERE id = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED) RETURNING id"};
const Statement count_one_replay{"count_one_replay", OPENRUN_COUNT_REPLAYS "= $1"};
#undef OPENRUN_COUNT_REPLAYS

const Statement discard_free{
    "discard_free",
    "WITH free AS (SELECT id FROM dead_letter WHERE id = ANY($2) AND final_offset IS NULL AND discarded_at IS NULL "
    "ORDER BY id FOR UPDATE SKIP LOCKED), "
    "gone AS (UPDATE dead_letter SET discarded_at = now() FROM free WHERE dead_letter.id = free.id RETURNING 1) "
    "UPDATE dead_letter_action SET done = done + (SELECT count(*) FROM gone) WHERE id = $1 "
    "RETURNING (SELECT count(*) FROM gone)"};
const Statement discard_one{
    "discard_one",
    "WITH gone AS (UPDATE dead_letter SET discarded_at = now() WHERE id = $2 AND final_offset IS NULL AND "
    "discarded_at IS NULL RETURNING 1) "
    "UPDATE dead_letter_action SET done = done + (SELECT count(*) FROM gone) WHERE id = $1 "
    "RETURNING (SELECT count(*) FROM gone)"};
const Statement insert_acceptance{
    "insert_acceptance",
    "WITH noted AS (INSERT INTO dead_letter_action (action, filter, done_by, planned, done, finished_at) "
    "VALUES ('accept', jsonb_build_object('partition', $1, 'offsets', $2::text || '-' || $3::text), $4, "
    "$3 - $2 + 1, $3 - $2 + 1, now())) "
    "INSERT INTO dead_letter_acceptance (partition, first_offset, last_offset, accepted_by) VALUES ($1, $2, $3, $4) "
    "RETURNING coalesce((SELECT next_offset FROM partition_checkpoint WHERE partition = $1), 0)"};

std::optional<Offset> offset_or_null(const Field& field) {
  if (field.is_null()) return std::nullopt;
  return Offset{field.integer()};
}

ports::Headers read_headers(const Field& field) {
  ports::Headers headers;
  std::vector<std::string> texts = field.byte_strings();
  for (std::size_t i = 0; i + 1 < texts.size(); i += 2) {
    headers.emplace_back(std::move(texts[i]), std::move(texts[i + 1]));
  }
  return headers;
}

std::vector<ports::DeadLetter> read_letters(const Rows& rows) {
  std::vector<ports::DeadLetter> letters;
  letters.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    int column = 0;
    const auto next = [&] { return rows.at(row, column++); };
    ports::DeadLetter letter;
    letter.id = next().integer();
    letter.partition = Partition{static_cast<std::int32_t>(next().integer())};
    letter.row.offset = Offset{next().integer()};
    letter.row.log_time = next().timestamp();
    letter.row.key = next().string();
    letter.row.value = next().string();
    letter.row.headers = read_headers(next());
    letter.row.reason = next().string();
    letter.row.error = next().string();
    letter.row.replays = static_cast<std::uint32_t>(next().integer());
    letter.created_at = next().timestamp();
    letter.exported_at = next().timestamp_or_null();
    letter.replayed_at = next().timestamp_or_null();
    letter.discarded_at = next().timestamp_or_null();
    letter.final_offset = offset_or_null(next());
    letter.replay_offset = offset_or_null(next());
    letter.next_offset = Offset{next().integer()};
    letters.push_back(std::move(letter));
  }
  return letters;
}

Array ids_of(const std::vector<std::int64_t>& ids) {
  Array array(Type::int8);
  for (const std::int64_t id : ids) array.add_int8(id);
  return array;
}

class PostgresDeadLetterStore : public ports::DeadLetterStore {
 public:
  PostgresDeadLetterStore(const Options& options, ports::Logger& logger) : session_(options, logger) {}

  Result<std::vector<ports::DeadLetter>> letters(const ports::DeadLetterFilter& filter,
                                                 const std::optional<ports::DeadLetterPlace>& after,
                                                 std::size_t limit) override {
    constexpr std::int64_t any = std::numeric_limits<std::int64_t>::max();
    Parameters parameters;
    parameters.int4(filter.partition ? filter.partition->value : -1)
        .int8(filter.offsets ? filter.offsets->first.value : 0)
        .int8(filter.offsets ? filter.offsets->second.value : any)
        .boolean(!filter.since)
        .timestamp(filter.since.value_or(Timestamp{0}))
        .text(filter.reason)
        .int4(after ? after->partition.value : -1)
        .int8(after ? after->offset.value : -1)
        .int8(static_cast<std::int64_t>(limit));
    return session_.run(
        [&](Connection& connection) { return map(connection.query(filtered, parameters), read_letters); });
  }

  Result<std::vector<ports::DeadLetter>> letters_of(const std::vector<std::int64_t>& ids) override {
    Parameters parameters;
    parameters.array(ids_of(ids));
    return session_.run([&](Connection& connection) { return map(connection.query(by_id, parameters), read_letters); });
  }

  Result<std::vector<ports::ReplayRecord>> replays_of(const ports::DeadLetterPlace& place) override {
    Parameters parameters;
    parameters.int4(place.partition.value).int8(place.offset.value);
    return session_.run([&](Connection& connection) {
      return map(connection.query(replays_of_letter, parameters), [](Rows rows) {
        std::vector<ports::ReplayRecord> records;
        for (int row = 0; row < rows.size(); ++row) {
          records.push_back({Offset{rows.at(row, 0).integer()}, rows.at(row, 1).timestamp(), rows.at(row, 2).string()});
        }
        return records;
      });
    });
  }

  Result<std::optional<Partition>> home_of(CampaignId campaign) override {
    Parameters parameters;
    parameters.int4(static_cast<std::int32_t>(campaign.value));
    return session_.run([&](Connection& connection) {
      return map(connection.query(campaign_home, parameters), [](Rows rows) -> std::optional<Partition> {
        if (rows.size() == 0) return std::nullopt;
        return Partition{static_cast<std::int32_t>(rows.at(0, 0).integer())};
      });
    });
  }

  Result<std::int64_t> begin_action(const ports::DeadLetterAction& action) override {
    const auto excluded = session_.run([](Connection& connection) -> Sql<bool> {
      auto locked = connection.query(exclude_others);
      if (!locked && locked.error().sqlstate == "55P03") return false;
      if (!locked) return std::unexpected(std::move(locked.error()));
      return true;
    });
    if (!excluded) return std::unexpected(excluded.error());
    if (!*excluded) {
      return fail(Error::Kind::conflict,
                  "another openrun dlq replay or discard is at work (see the newest rows of dead_letter_action); wait "
                  "for its end");
    }
    Parameters parameters;
    parameters.text(action.name)
        .text(action.filter_json)
        .text(action.done_by)
        .int8(static_cast<std::int64_t>(action.planned));
    return session_.run([&](Connection& connection) {
      return map(connection.query(insert_action, parameters), [](Rows rows) { return rows.at(0, 0).integer(); });
    });
  }

  Result<void> record_replays(std::int64_t action, const std::vector<ports::SentReplay>& sent) override {
    if (sent.empty()) return {};
    Array partition(Type::int4), origin(Type::int8), replay(Type::int8);
    std::set<std::int64_t> ids;
    for (const ports::SentReplay& one : sent) {
      partition.add_int4(one.partition.value);
      origin.add_int8(one.origin.value);
      replay.add_int8(one.replay_offset.value);
      ids.insert(one.id);
    }
    Parameters parameters;
    parameters.int8(action).array(partition).array(origin).array(replay);
    if (auto added = session_.run_void([&](Connection& c) { return c.query(insert_replays, parameters); }); !added) {
      return added;
    }
    return count_replays(std::move(ids));
  }

  Result<std::size_t> discard(std::int64_t action, const std::vector<std::int64_t>& ids) override {
    auto count = discard_unlocked(action, ids);
    if (!count || *count == ids.size()) return count;
    for (const std::int64_t id : ids) {
      auto one = discard_waiting(action, id);
      if (!one) return one;
      *count += *one;
    }
    return count;
  }

  Result<void> finish_action(std::int64_t action) override {
    Parameters parameters;
    parameters.int8(action);
    return session_.run_void([&](Connection& connection) { return connection.query(end_action, parameters); });
  }

  Result<Offset> accept(Partition partition, Offset first, Offset last, const std::string& done_by) override {
    Parameters parameters;
    parameters.int4(partition.value).int8(first.value).int8(last.value).text(done_by);
    return session_.run([&](Connection& connection) {
      return map(connection.query(insert_acceptance, parameters),
                 [](Rows rows) { return Offset{rows.at(0, 0).integer()}; });
    });
  }

 private:
  Result<void> count_replays(std::set<std::int64_t> ids) {
    Parameters parameters;
    parameters.array(ids_of({ids.begin(), ids.end()}));
    auto counted = session_.run([&](Connection& c) { return c.query(count_free_replays, parameters); });
    if (!counted) return std::unexpected(std::move(counted.error()));
    for (int row = 0; row < counted->size(); ++row) ids.erase(counted->at(row, 0).integer());
    for (const std::int64_t id : ids) {
      Parameters one;
      one.int8(id);
      if (auto done = session_.run_void([&](Connection& c) { return c.query(count_one_replay, one); }); !done)
        return done;
    }
    return {};
  }

  Result<std::size_t> discard_unlocked(std::int64_t action, const std::vector<std::int64_t>& ids) {
    Parameters parameters;
    parameters.int8(action).array(ids_of(ids));
    return session_.run([&](Connection& connection) {
      return map(connection.query(discard_free, parameters),
                 [](Rows rows) { return static_cast<std::size_t>(rows.at(0, 0).integer()); });
    });
  }

  // Waits for whoever holds the row, and gives up only what is open even then.
  Result<std::size_t> discard_waiting(std::int64_t action, std::int64_t id) {
    Parameters parameters;
    parameters.int8(action).int8(id);
    return session_.run([&](Connection& connection) {
      return map(connection.query(discard_one, parameters),
                 [](Rows rows) { return static_cast<std::size_t>(rows.at(0, 0).integer()); });
    });
  }

  Session session_;
};

}  // namespace

std::unique_ptr<ports::DeadLetterStore> make_dead_letter_store(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresDeadLetterStore>(options, logger);
}

}  // namespace openrun::postgres
