#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openrun/postgres/postgres.hpp>

#include "dead_letter_row.hpp"
#include "session.hpp"

namespace openrun::postgres {
namespace {

const Statement read_cursor{"read_cursor", "SELECT published_through FROM relay_progress WHERE partition = $1"};
const Statement write_cursor{"write_cursor",
                             "INSERT INTO relay_progress AS stored (partition, published_through) "
                             "SELECT partition, $2 FROM partition_checkpoint WHERE partition = $1 AND "
                             "next_offset >= $2 ON CONFLICT (partition) DO UPDATE SET "
                             "published_through = greatest(stored.published_through, excluded.published_through)"};
// One row without an entry where there are none, because the checkpoint is asked for in any case.
const Statement entries_from{
    "entries_from",
    "SELECT checkpoint.next_offset, entry.first_offset, entry.last_offset, entry.created_at "
    "FROM (SELECT coalesce((SELECT next_offset FROM partition_checkpoint WHERE partition = $1), 0) AS next_offset) "
    "AS checkpoint LEFT JOIN LATERAL (SELECT first_offset, last_offset, created_at FROM outbox "
    "WHERE partition = $1 AND first_offset >= $2 ORDER BY first_offset LIMIT $3) AS entry ON true "
    "ORDER BY entry.first_offset"};
const Statement payload_of{"payload_of", "SELECT payload FROM outbox WHERE partition = $1 AND first_offset = $2"};
const Statement letters_to_export{"letters_to_export",
                                  "SELECT id, " OPENRUN_DEAD_LETTER_COLUMNS
                                  ", created_at FROM dead_letter WHERE partition = $1 AND exported_at IS NULL "
                                  "ORDER BY \"offset\" LIMIT $2"};
const Statement mark_letters{"mark_letters",
                             "UPDATE dead_letter SET exported_at = now() "
                             "WHERE partition = $1 AND id = ANY($2) AND exported_at IS NULL"};
// Only the leading run of rows that may go: a gap in the middle would look like a lost batch.
const Statement prune_rows{
    "prune_rows",
    "WITH oldest AS (SELECT first_offset, created_at FROM outbox WHERE partition = $1 "
    "ORDER BY first_offset LIMIT $3), "
    "kept AS (SELECT min(first_offset) AS first_offset FROM oldest WHERE created_at >= $2 OR "
    "first_offset >= coalesce((SELECT published_through FROM relay_progress WHERE partition = $1), 0)) "
    "DELETE FROM outbox USING oldest, kept "
    "WHERE outbox.partition = $1 AND outbox.first_offset = oldest.first_offset AND "
    "(kept.first_offset IS NULL OR outbox.first_offset < kept.first_offset)"};

std::unexpected<Error> stands_before(Partition partition, Offset known) {
  return fail(Error::Kind::conflict, "Postgres stands before offset " + std::to_string(known.value) + " of partition " +
                                         std::to_string(partition.value) +
                                         ", up to which rows were known: it was restored, or is another database");
}

ports::ExportedDeadLetter read_letter(const Rows& rows, int row) {
  ports::ExportedDeadLetter letter;
  letter.id = rows.at(row, 0).integer();
  letter.row = read_dead_letter(rows, row, 1);
  letter.created_at = rows.at(row, 9).timestamp();
  return letter;
}

class PostgresOutbox : public ports::Outbox {
 public:
  PostgresOutbox(const Options& options, ports::Logger& logger) : session_(options, logger) {}

  Result<Offset> published_through(Partition partition) override {
    Parameters parameters;
    parameters.int4(partition.value);
    return session_.run([&](Connection& connection) {
      return map(connection.query(read_cursor, parameters),
                 [](Rows rows) { return Offset{rows.size() == 0 ? 0 : rows.at(0, 0).integer()}; });
    });
  }

  Result<void> set_published_through(Partition partition, Offset cursor) override {
    Parameters parameters;
    parameters.int4(partition.value).int8(cursor.value);
    auto written =
        session_.run_write([&](Connection& connection) { return connection.query(write_cursor, parameters); });
    if (!written) return std::unexpected(std::move(written.error()));
    if (written->touched() == 0) return stands_before(partition, cursor);
    return {};
  }

  Result<std::vector<ports::OutboxEntry>> entries(Partition partition, Offset from, std::size_t limit) override {
    Parameters parameters;
    parameters.int4(partition.value).int8(from.value).int8(static_cast<std::int64_t>(limit));
    auto rows = session_.run([&](Connection& connection) { return connection.query(entries_from, parameters); });
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (Offset{rows->at(0, 0).integer()} < from) return stands_before(partition, from);
    std::vector<ports::OutboxEntry> entries;
    if (rows->at(0, 1).is_null()) return entries;
    entries.reserve(static_cast<std::size_t>(rows->size()));
    for (int row = 0; row < rows->size(); ++row) {
      entries.push_back(
          {Offset{rows->at(row, 1).integer()}, Offset{rows->at(row, 2).integer()}, rows->at(row, 3).timestamp()});
    }
    return entries;
  }

  Result<std::string> payload(Partition partition, Offset first_offset) override {
    Parameters parameters;
    parameters.int4(partition.value).int8(first_offset.value);
    auto rows = session_.run([&](Connection& connection) { return connection.query(payload_of, parameters); });
    if (!rows) return std::unexpected(std::move(rows.error()));
    if (rows->size() == 0) {
      return fail(Error::Kind::not_found, "the outbox has no row of partition " + std::to_string(partition.value) +
                                              " that begins at offset " + std::to_string(first_offset.value));
    }
    return rows->at(0, 0).string();
  }

  Result<std::vector<ports::ExportedDeadLetter>> dead_letters_to_export(Partition partition,
                                                                        std::size_t limit) override {
    Parameters parameters;
    parameters.int4(partition.value).int8(static_cast<std::int64_t>(limit));
    return session_.run([&](Connection& connection) {
      return map(connection.query(letters_to_export, parameters), [](Rows rows) {
        std::vector<ports::ExportedDeadLetter> letters;
        for (int row = 0; row < rows.size(); ++row) letters.push_back(read_letter(rows, row));
        return letters;
      });
    });
  }

  Result<void> mark_exported(Partition partition, const std::vector<std::int64_t>& ids) override {
    if (ids.empty()) return {};
    Array wanted(Type::int8);
    for (const std::int64_t id : ids) wanted.add_int8(id);
    Parameters parameters;
    parameters.int4(partition.value).array(wanted);
    return session_.run_void([&](Connection& connection) { return connection.query(mark_letters, parameters); });
  }

  Result<std::size_t> prune(Partition partition, Timestamp before, std::size_t limit) override {
    Parameters parameters;
    parameters.int4(partition.value).timestamp(before).int8(static_cast<std::int64_t>(limit));
    return session_.run_write([&](Connection& connection) {
      return map(connection.query(prune_rows, parameters),
                 [](Rows rows) { return static_cast<std::size_t>(rows.touched()); });
    });
  }

 private:
  Session session_;
};

}  // namespace

std::unique_ptr<ports::Outbox> make_outbox(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresOutbox>(options, logger);
}

}  // namespace openrun::postgres
