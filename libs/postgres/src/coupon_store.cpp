#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <openrun/base/limits.hpp>
#include <openrun/postgres/postgres.hpp>

#include "campaign_row.hpp"
#include "commit.hpp"
#include "connection.hpp"
#include "watch.hpp"

namespace openrun::postgres {
namespace {

using Clock = Connection::Clock;

const Statement create_checkpoint{
    "create_checkpoint",
    "INSERT INTO partition_checkpoint (partition, epoch, next_offset, log_time, fingerprint, decision_version) "
    "VALUES ($1, 0, 0, timestamptz '1970-01-01 00:00:00Z', 0, $2) ON CONFLICT DO NOTHING"};
const Statement next_epoch{"next_epoch",
                           "UPDATE partition_checkpoint SET epoch = epoch + 1 WHERE partition = $1 "
                           "RETURNING epoch, next_offset, log_time, fingerprint, decision_version"};
const Statement lock_checkpoint{"lock_checkpoint",
                                "SELECT epoch, next_offset, log_time, fingerprint, decision_version "
                                "FROM partition_checkpoint WHERE partition = $1 FOR UPDATE"};
const Statement held_epoch{"held_epoch", "SELECT epoch FROM partition_checkpoint WHERE partition = $1"};
const Statement partition_campaigns{"partition_campaigns", "SELECT " OPENRUN_CAMPAIGN_COLUMNS
                                                           ", digest FROM campaign WHERE partition = $1 ORDER BY id"};
// Discarded ones too: what an operator did outside of the log must not change what is decided.
const Statement open_dead_letters{
    "open_dead_letters",
    "SELECT \"offset\" FROM dead_letter WHERE partition = $1 AND final_offset IS NULL ORDER BY \"offset\""};
// Waits until each backend is gone: one that has only been told to go could still run what stands in its socket.
const Statement end_writers{
    "end_writers",
    "SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, 1000)), count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user AND "
    "(application_name = $1 OR $3 AND application_name ^@ $1 OR application_name = $2 AND now() - xact_start > "
    "interval '2 seconds')"};
const Statement dispatch_rate{
    "dispatch_rate", "SELECT per_second FROM dispatch WHERE partition IN ($1, -1) ORDER BY partition DESC LIMIT 1"};
const Statement accepted{
    "accepted",
    "SELECT EXISTS (SELECT FROM dead_letter_acceptance WHERE partition = $1 AND first_offset <= $2 AND "
    "last_offset >= $3)"};

std::string writers_of(Partition partition) {
  return "openrun-issuer/" + std::to_string(partition.value) + "/";
}
std::string writer_of(Partition partition, Epoch epoch) {
  return writers_of(partition) + std::to_string(epoch.value);
}
std::string takeover_of(Partition partition) {
  return "openrun-issuer-takeover/" + std::to_string(partition.value);
}

std::string list_of(std::span<const CampaignId> campaigns) {
  std::string list;
  for (const CampaignId campaign : campaigns) list += (list.empty() ? "" : ",") + std::to_string(campaign.value);
  return list;
}
// Of several campaigns with each row's own. In whatever order they come: claims know none, and Postgres would sort.
std::string claims_of(std::span<const CampaignId> campaigns) {
  const bool one = campaigns.size() == 1;
  return std::string("COPY (SELECT sequence, user_id, idempotency_key, issued_at, request_nonce") +
         (one ? "" : ", campaign_id") + " FROM coupon WHERE campaign_id IN (" + list_of(campaigns) +
         ")) TO STDOUT (FORMAT binary)";
}
std::string newest_commands_of(std::span<const CampaignId> campaigns) {
  return "COPY (SELECT newest.* FROM unnest('{" + list_of(campaigns) +
         "}'::integer[]) AS asked (id) CROSS JOIN LATERAL (SELECT campaign_id, idempotency_key, request_offset FROM "
         "campaign_command WHERE campaign_id = asked.id ORDER BY request_offset DESC LIMIT " +
         std::to_string(limits::command_keys_remembered) +
         ") AS newest ORDER BY campaign_id, request_offset) TO STDOUT (FORMAT binary)";
}

Parameters of(Partition partition) {
  Parameters parameters;
  parameters.int4(partition.value);
  return parameters;
}

class PostgresCouponStore : public ports::CouponStore {
 public:
  PostgresCouponStore(const Options& options, ports::Logger& logger)
      : options_(options), logger_(logger), watch_(options.health) {}

  Result<ports::TakenOver> take_over(Partition partition) override { return seize(partition, std::nullopt); }
  Result<ports::TakenOver> rebuild(Partition partition, Epoch epoch) override { return seize(partition, epoch); }

  Result<std::vector<issuance::CampaignDetail>> load_details(std::span<const CampaignId> campaigns,
                                                             std::uint64_t hash_seed) override;
  ports::CommitAnswer commit(const ports::CommitBatch& batch) override { return write(batch, Ending::commit); }
  ports::CommitAnswer probe(const ports::CommitBatch& batch) override { return write(batch, Ending::roll_back); }
  Result<std::uint32_t> dispatch_per_second(Partition partition) override;
  Result<bool> dead_letters_accepted(Partition partition, Offset first, Offset last) override;
  void cancel() override { interrupt_.raise(); }

 private:
  // Which writer this is; its connections carry the name.
  struct Writer {
    Partition partition;
    Epoch epoch;
    bool operator==(const Writer&) const = default;
  };

  [[nodiscard]] Sql<Connection*> connected(const std::string& application);
  [[nodiscard]] Sql<Connection*> connected_as_writer();
  template <class T>
  [[nodiscard]] std::unexpected<Error> drop(const std::expected<T, Failure>& failed) {
    watch_.end(&failed.error());
    connection_.reset();
    return std::unexpected(to_error(failed.error()));
  }

  [[nodiscard]] Result<ports::TakenOver> seize(Partition partition, std::optional<Epoch> held);
  [[nodiscard]] Sql<bool> end_backends(Connection& connection, Partition partition, std::optional<Epoch> held);
  [[nodiscard]] Sql<ports::TakenOver> read_state(Connection& connection, Partition partition,
                                                 std::optional<Epoch> held);
  [[nodiscard]] Sql<ports::TakenOver> create_and_read_state(Connection& connection, Partition partition,
                                                            std::optional<Epoch> held);
  [[nodiscard]] Sql<void> read_details(Connection& connection, std::span<const CampaignId> campaigns,
                                       std::vector<issuance::CampaignDetail>& details);
  [[nodiscard]] ports::CommitAnswer write(const ports::CommitBatch& batch, Ending ending);

  Options options_;
  ports::Logger& logger_;
  Watch watch_;
  Interrupt interrupt_;
  std::optional<Writer> writer_;
  std::unique_ptr<Connection> connection_;
};

// ---- connections ----

Sql<Connection*> PostgresCouponStore::connected(const std::string& application) {
  interrupt_.clear();
  if (connection_ && (connection_->application() != application || !connection_->is_idle_and_alive()))
    connection_.reset();
  if (!connection_) {
    auto opened = Connection::open(options_, application, interrupt_);
    if (!opened) return std::unexpected(std::move(opened.error()));
    connection_ = std::move(*opened);
    watch_.connected();
  }
  return connection_.get();
}

Sql<Connection*> PostgresCouponStore::connected_as_writer() {
  if (writer_) return connected(writer_of(writer_->partition, writer_->epoch));
  return connected(options_.application.empty() ? "openrun-issuer" : options_.application);
}

// ---- taking over ----

// True where no earlier writer is left.
Sql<bool> PostgresCouponStore::end_backends(Connection& connection, Partition partition, std::optional<Epoch> held) {
  Parameters parameters;
  // With an epoch held, exactly this writer's own name: a late rebuild must not end its successor.
  parameters.text(held ? writer_of(partition, *held) : writers_of(partition))
      .text(takeover_of(partition))
      .boolean(!held.has_value());
  auto rows = connection.query(end_writers, parameters);
  if (!rows) return std::unexpected(std::move(rows.error()));
  const std::int64_t ended = rows->at(0, 1).integer();
  if (ended > 0) {
    logger_.info("ended backends of an earlier writer",
                 {{"partition", std::int64_t{partition.value}}, {"backends", ended}});
  }
  return rows->at(0, 0).integer() == 0;
}

Sql<ports::TakenOver> PostgresCouponStore::read_state(Connection& connection, Partition partition,
                                                      std::optional<Epoch> held) {
  // Repeatable read: the row lock and everything that is read belong to one moment. Where somebody else changed the row
  // first, this fails with 40001 and is tried again.
  if (auto begun = connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ"); !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  auto checkpoint = connection.query(held ? lock_checkpoint : next_epoch, of(partition));
  if (!checkpoint) return std::unexpected(std::move(checkpoint.error()));
  if (checkpoint->size() != 1 || (held && Epoch{checkpoint->at(0, 0).integer()} != *held)) {
    return std::unexpected(Failure{Failure::Cause::statement, "OR001", "another writer has taken this partition over"});
  }
  ports::TakenOver taken;
  taken.epoch = Epoch{checkpoint->at(0, 0).integer()};
  taken.fingerprint = static_cast<std::uint64_t>(checkpoint->at(0, 3).integer());
  taken.snapshot.partition = partition;
  taken.snapshot.next_offset = Offset{checkpoint->at(0, 1).integer()};
  taken.snapshot.log_time = checkpoint->at(0, 2).timestamp();
  taken.snapshot.decision_version = static_cast<std::uint32_t>(checkpoint->at(0, 4).integer());
  auto campaigns = connection.query(partition_campaigns, of(partition));
  if (!campaigns) return std::unexpected(std::move(campaigns.error()));
  taken.snapshot.campaigns.reserve(static_cast<std::size_t>(campaigns->size()));
  for (int row = 0; row < campaigns->size(); ++row) {
    taken.snapshot.campaigns.push_back(read_campaign(*campaigns, row));
    const std::string_view digest = campaigns->at(row, campaign_columns_end).bytes();
    std::ranges::copy(digest, taken.digests.emplace_back().begin());
  }
  auto letters = connection.query(open_dead_letters, of(partition));
  if (!letters) return std::unexpected(std::move(letters.error()));
  for (int row = 0; row < letters->size(); ++row) {
    taken.snapshot.open_dead_letters.push_back(Offset{letters->at(row, 0).integer()});
  }
  if (auto done = connection.execute("COMMIT"); !done) return std::unexpected(std::move(done.error()));
  return taken;
}

// A row that is there must not be inserted again, not even with ON CONFLICT: that would wait for whoever is changing
// it.
Sql<ports::TakenOver> PostgresCouponStore::create_and_read_state(Connection& connection, Partition partition,
                                                                 std::optional<Epoch> held) {
  auto existing = connection.query(held_epoch, of(partition));
  if (!existing) return std::unexpected(std::move(existing.error()));
  if (existing->size() == 0 && !held) {
    Parameters created = of(partition);
    created.int4(static_cast<std::int32_t>(issuance::decision_version_supported));
    if (auto done = connection.query(create_checkpoint, created); !done)
      return std::unexpected(std::move(done.error()));
  }
  return read_state(connection, partition, held);
}

// The lock of the checkpoint is asked for in attempts of lock_timeout each, and every attempt first ends whoever may
// hold it.
Result<ports::TakenOver> PostgresCouponStore::seize(Partition partition, std::optional<Epoch> held) {
  // Where the epoch is held already, only a lock is taken: that says nothing about room.
  watch_.begin({.writes = !held, .may_take_long = true});
  writer_.reset();
  connection_.reset();
  const auto until = Clock::now() + options_.connect_timeout + options_.statement_timeout;
  auto connection = connected(takeover_of(partition));
  if (!connection) return drop(connection);
  for (;;) {
    auto ended = end_backends(**connection, partition, held);
    if (!ended) return drop(ended);
    Sql<ports::TakenOver> taken = std::unexpected(Failure{
        Failure::Cause::statement, "55P03", "a backend of an earlier writer does not end: see pg_stat_activity"});
    if (*ended) {
      taken = create_and_read_state(**connection, partition, held);
      if (taken) {
        writer_ = Writer{partition, taken->epoch};
        if (auto named = (*connection)->rename(writer_of(partition, taken->epoch)); !named) return drop(named);
        watch_.end(nullptr);
        return std::move(*taken);
      }
      const std::string& state = taken.error().sqlstate;
      if (taken.error().cause != Failure::Cause::statement ||
          (state != "55P03" && state != "40001" && state != "40P01")) {
        return drop(taken);
      }
      if (auto rolled_back = (*connection)->execute("ROLLBACK"); !rolled_back) return drop(rolled_back);
    }
    if (Clock::now() + options_.lock_timeout >= until) return drop(taken);
  }
}

// ---- reading ----

Result<std::vector<issuance::CampaignDetail>> PostgresCouponStore::load_details(std::span<const CampaignId> campaigns,
                                                                                std::uint64_t hash_seed) {
  watch_.begin({.may_take_long = true});
  auto connection = connected_as_writer();
  if (!connection) return drop(connection);
  std::vector<issuance::CampaignDetail> details;
  details.reserve(campaigns.size());
  for (std::size_t i = 0; i < campaigns.size(); ++i) details.push_back({issuance::ClaimTable(hash_seed), {}});
  if (auto done = read_details(**connection, campaigns, details); !done) return drop(done);
  watch_.end(nullptr);
  return details;
}

Sql<void> PostgresCouponStore::read_details(Connection& connection, std::span<const CampaignId> campaigns,
                                            std::vector<issuance::CampaignDetail>& details) {
  // A table that was not analyzed for a while must not be read as a whole for some of its campaigns.
  if (auto begun = connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = "
                                      "0; SET LOCAL enable_seqscan = off");
      !begun) {
    return begun;
  }
  // Rows that a successor wrote do not belong to this writer's state.
  if (writer_) {
    auto epoch = connection.query(held_epoch, of(writer_->partition));
    if (!epoch) return std::unexpected(std::move(epoch.error()));
    if (epoch->size() != 1 || Epoch{epoch->at(0, 0).integer()} != writer_->epoch) {
      return std::unexpected(
          Failure{Failure::Cause::statement, "OR001", "another writer has taken this partition over"});
    }
  }
  std::map<std::int64_t, issuance::CampaignDetail*> by_campaign;
  for (std::size_t i = 0; i < campaigns.size(); ++i) by_campaign.emplace(campaigns[i].value, &details[i]);
  const bool one = campaigns.size() == 1;
  const auto claims = connection.copy_out(claims_of(campaigns), [&](std::span<const Field> row) {
    issuance::CampaignDetail& detail = one ? details.front() : *by_campaign.at(row[5].integer());
    detail.claims.insert(row[1].bytes(), row[2].bytes(),
                         {Sequence{static_cast<std::uint32_t>(row[0].integer())}, row[3].timestamp(),
                          static_cast<std::uint32_t>(row[4].integer())});
  });
  if (!claims) return std::unexpected(claims.error());
  const auto commands = connection.copy_out(newest_commands_of(campaigns), [&](std::span<const Field> row) {
    by_campaign.at(row[0].integer())->commands.push_back({row[1].string(), Offset{row[2].integer()}});
  });
  if (!commands) return std::unexpected(commands.error());
  return connection.execute("COMMIT");
}

Result<std::uint32_t> PostgresCouponStore::dispatch_per_second(Partition partition) {
  watch_.begin({});
  auto connection = connected_as_writer();
  if (!connection) return drop(connection);
  auto rows = (*connection)->query(dispatch_rate, of(partition));
  if (!rows) return drop(rows);
  watch_.end(nullptr);
  return rows->size() == 0 ? 0 : static_cast<std::uint32_t>(rows->at(0, 0).integer());
}

Result<bool> PostgresCouponStore::dead_letters_accepted(Partition partition, Offset first, Offset last) {
  watch_.begin({});
  auto connection = connected_as_writer();
  if (!connection) return drop(connection);
  Parameters parameters = of(partition);
  parameters.int8(first.value).int8(last.value);
  auto rows = (*connection)->query(accepted, parameters);
  if (!rows) return drop(rows);
  watch_.end(nullptr);
  return rows->at(0, 0).boolean();
}

// ---- writing ----

ports::CommitAnswer PostgresCouponStore::write(const ports::CommitBatch& batch, Ending ending) {
  watch_.begin({.writes = true});
  writer_ = Writer{batch.partition, batch.epoch};
  auto connection = connected_as_writer();
  if (!connection) {
    watch_.end(&connection.error());
    connection_.reset();
    return {ports::CommitOutcome::rolled_back, connection.error().message};
  }
  std::optional<Failure> failure;
  ports::CommitAnswer answer = write_batch(**connection, batch, ending, failure);
  watch_.end(failure ? &*failure : nullptr);
  answer.timed_out = failure && trouble_of(*failure) == Trouble::timed_out;
  if (answer.outcome != ports::CommitOutcome::committed) connection_.reset();
  return answer;
}

}  // namespace

std::unique_ptr<ports::CouponStore> make_coupon_store(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresCouponStore>(options, logger);
}

}  // namespace openrun::postgres
