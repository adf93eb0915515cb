#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/postgres/postgres.hpp>

#include "campaign_row.hpp"
#include "session.hpp"

namespace openrun::postgres {
namespace {

using ports::Coupon;
using ports::StoredCampaign;

#define OPENRUN_COUPON_COLUMNS "campaign_id, sequence, user_id, idempotency_key, code, issued_at, valid_until, used_at"

const Statement campaigns_by_id{"campaigns_by_id",
                                "SELECT " OPENRUN_CAMPAIGN_COLUMNS " FROM campaign WHERE id = ANY ($1)"};
const Statement campaigns_after{"campaigns_after",
                                "SELECT " OPENRUN_CAMPAIGN_COLUMNS " FROM campaign WHERE id > $1 ORDER BY id LIMIT $2"};
// With the key that the log gave the id to, where that is decided: a campaign's first command is its create.
const Statement find_reservation{
    "find_reservation",
    "SELECT campaign_id, partition, (SELECT command.idempotency_key FROM campaign_command AS command WHERE "
    "command.campaign_id = reserved.campaign_id ORDER BY command.request_offset LIMIT 1) "
    "FROM campaign_reservation AS reserved WHERE idempotency_key = $1"};
const Statement hand_reservation_over{
    "hand_reservation_over",
    "WITH lost AS (DELETE FROM campaign_reservation WHERE campaign_id = $1 AND idempotency_key = $2 "
    "RETURNING campaign_id, partition) INSERT INTO campaign_reservation (campaign_id, idempotency_key, partition) "
    "SELECT campaign_id, $3, partition FROM lost ON CONFLICT DO NOTHING"};
const Statement next_campaign_id{"next_campaign_id", "SELECT nextval('campaign_id')"};
const Statement insert_reservation{"insert_reservation",
                                   "INSERT INTO campaign_reservation (campaign_id, idempotency_key, partition) VALUES "
                                   "($1, $2, $3) ON CONFLICT DO NOTHING"};
const Statement outbox_at{"outbox_at",
                          "SELECT last_offset, payload FROM outbox WHERE partition = $1 AND first_offset <= $2 "
                          "ORDER BY first_offset DESC LIMIT 1"};
const Statement partition_progress{"partition_progress",
                                   "SELECT next_offset, coalesce((SELECT first_offset FROM outbox WHERE partition = $1 "
                                   "ORDER BY first_offset LIMIT 1), next_offset) "
                                   "FROM partition_checkpoint WHERE partition = $1"};
const Statement gateway_checkpoints{"gateway_checkpoints",
                                    "SELECT partition, next_offset, log_time FROM partition_checkpoint"};
const Statement replay_of_letter{"replay_of_letter",
                                 "SELECT final_offset FROM dead_letter WHERE partition = $1 AND \"offset\" = $2"};
const Statement coupon_by_sequence{
    "coupon_by_sequence", "SELECT " OPENRUN_COUPON_COLUMNS " FROM coupon WHERE campaign_id = $1 AND sequence = $2"};
const Statement coupon_by_claim{"coupon_by_claim", "SELECT " OPENRUN_COUPON_COLUMNS
                                                   " FROM coupon WHERE user_id = $2 AND campaign_id = $1 AND "
                                                   "idempotency_key = $3"};
const Statement coupons_after{"coupons_after", "SELECT " OPENRUN_COUPON_COLUMNS
                                               " FROM coupon WHERE campaign_id = $1 AND sequence > $2 "
                                               "ORDER BY sequence LIMIT $3"};
const Statement coupons_by_user{"coupons_by_user", "SELECT " OPENRUN_COUPON_COLUMNS
                                                   " FROM coupon WHERE user_id = $1 "
                                                   "ORDER BY issued_at DESC, campaign_id DESC, sequence DESC LIMIT $2"};
// Under READ COMMITTED a second writer waits for the first and then looks again: used_at is no longer null.
const Statement redeem_coupon{
    "redeem_coupon",
    "UPDATE coupon SET status = 'USED', used_at = $3, redeem_key = nullif($4, '') "
    "WHERE campaign_id = $1 AND sequence = $2 AND used_at IS NULL AND ($5 = '' OR user_id = $5) "
    "AND (valid_until IS NULL OR valid_until > $3) RETURNING " OPENRUN_COUPON_COLUMNS ", coalesce(redeem_key, '')"};
const Statement coupon_with_key{"coupon_with_key", "SELECT " OPENRUN_COUPON_COLUMNS
                                                   ", coalesce(redeem_key, '') FROM coupon "
                                                   "WHERE campaign_id = $1 AND sequence = $2"};
const Statement dispatch_rates{"dispatch_rates", "SELECT partition, per_second FROM dispatch ORDER BY partition"};
const Statement upsert_dispatch{"upsert_dispatch",
                                "INSERT INTO dispatch (partition, per_second) VALUES ($1, $2) "
                                "ON CONFLICT (partition) DO UPDATE SET per_second = excluded.per_second"};

constexpr std::int32_t every_partition = -1;
constexpr int coupon_columns = 8;  // of OPENRUN_COUPON_COLUMNS
// Ids that one call finds taken before it gives up: at most some seconds on a slow way to the server.
constexpr int reservation_rounds_max = 100;

std::int32_t as_int4(CampaignId id) {
  return static_cast<std::int32_t>(id.value);
}

// Text that no row can hold is in no row; asked for, the server would call it an error.
bool can_be_stored(std::string_view text) {
  return utf8_length(text) != not_utf8 && text.find('\0') == std::string_view::npos;
}

StoredCampaign read_stored_campaign(const Rows& rows, int row) {
  return {read_campaign(rows, row),
          Partition{static_cast<std::int32_t>(rows.at(row, campaign_partition_column).integer())},
          Offset{rows.at(row, campaign_counters_offset_column).integer()}};
}

std::vector<StoredCampaign> read_stored_campaigns(Rows rows) {
  std::vector<StoredCampaign> campaigns;
  for (int row = 0; row < rows.size(); ++row) campaigns.push_back(read_stored_campaign(rows, row));
  return campaigns;
}

std::vector<Coupon> read_coupons(const Rows& rows) {
  std::vector<Coupon> coupons;
  coupons.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    coupons.push_back({CampaignId{static_cast<std::uint32_t>(rows.at(row, 0).integer())},
                       Sequence{static_cast<std::uint32_t>(rows.at(row, 1).integer())}, rows.at(row, 2).string(),
                       rows.at(row, 3).string(), rows.at(row, 4).string(), rows.at(row, 5).timestamp(),
                       rows.at(row, 6).timestamp_or_null(), rows.at(row, 7).timestamp_or_null()});
  }
  return coupons;
}

template <class T>
std::optional<T> first_of(std::vector<T> values) {
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

class PostgresGatewayStore : public ports::GatewayStore {
 public:
  PostgresGatewayStore(const Options& options, ports::Logger& logger) : logger_(logger), session_(options, logger) {}

  Result<std::vector<StoredCampaign>> campaigns_named(std::span<const CampaignId> ids) override {
    Array wanted(Type::int4);
    for (const CampaignId id : ids) {
      // Above what the column can hold there is no campaign.
      if (id.value <= limits::campaign_id_max) wanted.add_int4(as_int4(id));
    }
    Parameters parameters;
    parameters.array(wanted);
    return session_.run([&](Connection& connection) {
      return map(connection.query(campaigns_by_id, parameters), read_stored_campaigns);
    });
  }

  Result<std::vector<StoredCampaign>> campaigns(CampaignId after, std::size_t limit) override {
    Parameters parameters;
    parameters.int8(after.value).int8(static_cast<std::int64_t>(limit));
    return session_.run([&](Connection& connection) {
      return map(connection.query(campaigns_after, parameters), read_stored_campaigns);
    });
  }

  Result<ports::Reservation> reserve_campaign(std::string_view idempotency_key, std::int32_t partitions) override;
  Result<std::optional<std::string>> outcome_batch(Partition partition, Offset offset) override;
  Result<Progress> progress(Partition partition) override;
  Result<Checkpoints> checkpoints() override;
  Result<std::optional<Offset>> replay_of(Partition partition, Offset origin) override;

  Result<std::optional<Coupon>> coupon(CampaignId campaign, Sequence sequence) override {
    if (campaign.value > limits::campaign_id_max) return std::nullopt;
    Parameters parameters;
    parameters.int4(as_int4(campaign)).int8(sequence.value);
    return map(coupons(coupon_by_sequence, parameters), first_of<Coupon>);
  }
  Result<std::optional<Coupon>> coupon_of(CampaignId campaign, std::string_view user,
                                          std::string_view idempotency_key) override {
    if (campaign.value > limits::campaign_id_max || !can_be_stored(user) || !can_be_stored(idempotency_key)) {
      return std::nullopt;
    }
    Parameters parameters;
    parameters.int4(as_int4(campaign)).text(user).text(idempotency_key);
    return map(coupons(coupon_by_claim, parameters), first_of<Coupon>);
  }
  Result<std::vector<Coupon>> coupons_of_campaign(CampaignId campaign, Sequence after, std::size_t limit) override {
    if (campaign.value > limits::campaign_id_max) return std::vector<Coupon>();
    Parameters parameters;
    parameters.int4(as_int4(campaign)).int8(after.value).int8(static_cast<std::int64_t>(limit));
    return coupons(coupons_after, parameters);
  }
  Result<std::vector<Coupon>> coupons_of_user(std::string_view user, std::size_t limit) override {
    if (!can_be_stored(user)) return std::vector<Coupon>();
    Parameters parameters;
    parameters.text(user).int8(static_cast<std::int64_t>(limit));
    return coupons(coupons_by_user, parameters);
  }
  Result<std::optional<ports::RedeemedCoupon>> redeem(const ports::Redemption& redemption) override;
  Result<void> holders(std::span<const CampaignId> campaigns, const OnHolder& each) override;

  Result<std::vector<ports::DispatchRate>> dispatch() override;
  Result<void> set_dispatch(const ports::DispatchRate& rate) override {
    Parameters parameters;
    parameters.int4(rate.partition ? rate.partition->value : every_partition).int8(rate.per_second);
    return session_.run_void([&](Connection& connection) { return connection.query(upsert_dispatch, parameters); });
  }

 private:
  Result<std::vector<Coupon>> coupons(const Statement& statement, const Parameters& parameters) {
    return session_.run([&](Connection& connection) {
      return map(connection.query(statement, parameters), [](Rows rows) { return read_coupons(rows); });
    });
  }

  ports::Logger& logger_;
  Session session_;
};

Result<ports::Reservation> PostgresGatewayStore::reserve_campaign(std::string_view idempotency_key,
                                                                  std::int32_t partitions) {
  if (partitions <= 0) return fail(Error::Kind::invalid, "the requests topic has no partitions");
  if (!can_be_stored(idempotency_key)) return fail(Error::Kind::invalid, "the idempotency key is not UTF-8 text");
  Parameters by_key;
  by_key.text(idempotency_key);
  auto reserved = session_.run_write([&](Connection& connection) -> Sql<std::optional<ports::Reservation>> {
    // Where two callers race for one key, the second round finds what the other one reserved. A sequence that was
    // restored gives ids that are taken, one a round.
    for (int round = 0; round < reservation_rounds_max; ++round) {
      auto found = connection.query(find_reservation, by_key);
      if (!found) return std::unexpected(std::move(found.error()));
      if (found->size() == 1) {
        const CampaignId id{static_cast<std::uint32_t>(found->at(0, 0).integer())};
        const Field owner = found->at(0, 2);
        if (owner.is_null() || owner.bytes() == idempotency_key) {
          return ports::Reservation{id, Partition{static_cast<std::int32_t>(found->at(0, 1).integer())}};
        }
        // This database was restored from before the owner reserved it, and the id was given again while the owner's
        // create was committed.
        Parameters handed_over;
        handed_over.int4(as_int4(id)).text(idempotency_key).text(owner.bytes());
        if (auto done = connection.query(hand_reservation_over, handed_over); !done) {
          return std::unexpected(std::move(done.error()));
        }
      }
      auto next = connection.query(next_campaign_id);
      if (!next) return std::unexpected(std::move(next.error()));
      const CampaignId id{static_cast<std::uint32_t>(next->at(0, 0).integer())};
      Parameters reservation;
      reservation.int4(as_int4(id)).text(idempotency_key).int4(home_partition(id, partitions).value);
      auto inserted = connection.query(insert_reservation, reservation);
      if (!inserted) return std::unexpected(std::move(inserted.error()));
      if (inserted->touched() == 1) return ports::Reservation{id, home_partition(id, partitions)};
    }
    return std::nullopt;
  });
  if (!reserved) return std::unexpected(std::move(reserved.error()));
  if (*reserved) return **reserved;
  Error error{Error::Kind::overloaded,
              std::to_string(reservation_rounds_max) +
                  " ids in a row were taken. The same key goes on behind them when it is asked again; all of them are "
                  "passed by with: SELECT setval('campaign_id', max(campaign_id)) FROM campaign_reservation"};
  // Callers of the gateway are told to come again and no more.
  logger_.warning("no id was reserved for a campaign", {{"error", error.message}});
  return std::unexpected(std::move(error));
}

Result<std::optional<std::string>> PostgresGatewayStore::outcome_batch(Partition partition, Offset offset) {
  Parameters parameters;
  parameters.int4(partition.value).int8(offset.value);
  return session_.run([&](Connection& connection) {
    return map(connection.query(outbox_at, parameters), [&](Rows rows) -> std::optional<std::string> {
      if (rows.size() == 0 || rows.at(0, 0).integer() < offset.value) return std::nullopt;
      return rows.at(0, 1).string();
    });
  });
}

Result<ports::GatewayStore::Progress> PostgresGatewayStore::progress(Partition partition) {
  Parameters parameters;
  parameters.int4(partition.value);
  return session_.run([&](Connection& connection) {
    return map(connection.query(partition_progress, parameters), [](Rows rows) {
      // No writer has ever taken this partition: nothing is decided.
      if (rows.size() == 0) return Progress{Offset{0}, Offset{0}};
      return Progress{Offset{rows.at(0, 0).integer()}, Offset{rows.at(0, 1).integer()}};
    });
  });
}

Result<ports::GatewayStore::Checkpoints> PostgresGatewayStore::checkpoints() {
  return session_.run([](Connection& connection) {
    return map(connection.query(gateway_checkpoints), [](Rows rows) {
      Checkpoints checkpoints;
      for (int row = 0; row < rows.size(); ++row) {
        checkpoints.emplace(Partition{static_cast<std::int32_t>(rows.at(row, 0).integer())},
                            Checkpoint{Offset{rows.at(row, 1).integer()}, rows.at(row, 2).timestamp()});
      }
      return checkpoints;
    });
  });
}

Result<std::optional<Offset>> PostgresGatewayStore::replay_of(Partition partition, Offset origin) {
  Parameters parameters;
  parameters.int4(partition.value).int8(origin.value);
  return session_.run([&](Connection& connection) {
    return map(connection.query(replay_of_letter, parameters), [](Rows rows) -> std::optional<Offset> {
      if (rows.size() == 0 || rows.at(0, 0).is_null()) return std::nullopt;
      return Offset{rows.at(0, 0).integer()};
    });
  });
}

Result<std::optional<ports::RedeemedCoupon>> PostgresGatewayStore::redeem(const ports::Redemption& redemption) {
  if (redemption.campaign.value > limits::campaign_id_max) return std::nullopt;
  if (!can_be_stored(redemption.user) || !can_be_stored(redemption.key)) {
    return fail(Error::Kind::invalid, "the user id or the idempotency key is not UTF-8 text");
  }
  Parameters which;
  which.int4(as_int4(redemption.campaign)).int8(redemption.sequence.value);
  Parameters wish = which;
  wish.timestamp(redemption.now).text(redemption.key).text(redemption.user);
  using Answer = std::optional<ports::RedeemedCoupon>;
  const auto read = [](const Rows& rows, bool is_redeemed_now) -> Answer {
    if (rows.size() == 0) return std::nullopt;
    return ports::RedeemedCoupon{read_coupons(rows).front(), rows.at(0, coupon_columns).string(), is_redeemed_now};
  };
  return session_.run_write([&](Connection& connection) -> Sql<Answer> {
    auto redeemed = connection.query(redeem_coupon, wish);
    if (!redeemed) return std::unexpected(std::move(redeemed.error()));
    if (redeemed->size() > 0) return read(*redeemed, true);
    // What kept it from being redeemed does not pass: a used coupon stays used, and an owner stays the owner.
    return map(connection.query(coupon_with_key, which), [&](Rows rows) { return read(rows, false); });
  });
}

Result<void> PostgresGatewayStore::holders(std::span<const CampaignId> campaigns, const OnHolder& each) {
  // COPY takes no parameters; ids are numbers.
  std::string copy = "COPY (SELECT campaign_id, user_id FROM coupon WHERE campaign_id IN (0";
  for (const CampaignId campaign : campaigns) copy.append(", ").append(std::to_string(campaign.value));
  copy.append(") ORDER BY campaign_id) TO STDOUT (FORMAT binary)");
  const auto take = [&](std::span<const Field> row) {
    each(CampaignId{static_cast<std::uint32_t>(row[0].integer())}, row[1].bytes());
  };
  const auto copied = session_.run_in_snapshot([&](Connection& connection) { return connection.copy_out(copy, take); });
  if (!copied) return std::unexpected(copied.error());
  return {};
}

Result<std::vector<ports::DispatchRate>> PostgresGatewayStore::dispatch() {
  return session_.run([](Connection& connection) {
    return map(connection.query(dispatch_rates), [](Rows rows) {
      std::vector<ports::DispatchRate> rates;
      for (int row = 0; row < rows.size(); ++row) {
        const auto partition = static_cast<std::int32_t>(rows.at(row, 0).integer());
        rates.push_back({partition == every_partition ? std::nullopt : std::optional(Partition{partition}),
                         static_cast<std::uint32_t>(rows.at(row, 1).integer())});
      }
      return rates;
    });
  });
}

}  // namespace

std::unique_ptr<ports::GatewayStore> make_gateway_store(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresGatewayStore>(options, logger);
}

}  // namespace openrun::postgres
