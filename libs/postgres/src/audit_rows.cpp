#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openrun/postgres/postgres.hpp>

#include "campaign_row.hpp"
#include "connection.hpp"
#include "dead_letter_row.hpp"

namespace openrun::postgres {
namespace {

const Statement checkpoints_now{
    "audit_checkpoints",
    "SELECT checkpoint.partition, epoch, next_offset, log_time, fingerprint, decision_version, "
    "coalesce(relay_progress.published_through, 0), "
    "coalesce((SELECT sum(issued) FROM campaign WHERE campaign.partition = checkpoint.partition), 0)::bigint "
    "FROM partition_checkpoint AS checkpoint LEFT JOIN relay_progress USING (partition) ORDER BY checkpoint.partition"};
#define OPENRUN_AUDITED_CAMPAIGN     \
  "SELECT " OPENRUN_CAMPAIGN_COLUMNS \
  ", digest, state, (SELECT min(request_offset) FROM campaign_command WHERE campaign_id = campaign.id) FROM campaign "
const Statement campaigns_of{"audit_campaigns", OPENRUN_AUDITED_CAMPAIGN "WHERE partition = $1 ORDER BY id"};
const Statement campaign_by_id{"audit_campaign", OPENRUN_AUDITED_CAMPAIGN "WHERE id = $1"};
const Statement outbox_by_key{"audit_outbox_row",
                              "SELECT first_offset, last_offset, created_at, payload FROM outbox "
                              "WHERE partition = $1 AND first_offset = $2"};
const Statement fetch_coupons{"fetch_coupons", "FETCH 2000 FROM audit_coupons"};
const Statement fetch_commands{"fetch_commands", "FETCH 2000 FROM audit_commands"};
const Statement fetch_dead_letters{"fetch_dead_letters", "FETCH 16 FROM audit_dead_letters"};
const Statement fetch_outbox{"fetch_outbox", "FETCH 16 FROM audit_outbox"};
static_assert(ports::AuditRows::rows_page == 2'000 && ports::AuditRows::payloads_page == 16, "as the statements say");

// A cursor takes no parameters; the partition is a number.
std::string open_cursors(Partition partition) {
  const std::string number = std::to_string(partition.value);
  return "CLOSE ALL; "
         "DECLARE audit_coupons NO SCROLL CURSOR FOR SELECT coupon.campaign_id, sequence, user_id, idempotency_key, "
         "code, issued_at, valid_until, request_partition, request_offset, request_nonce FROM coupon "
         "JOIN campaign ON campaign.id = coupon.campaign_id WHERE campaign.partition = " +
         number +
         " ORDER BY request_offset, coupon.campaign_id, sequence; "
         "DECLARE audit_commands NO SCROLL CURSOR FOR SELECT campaign_id, idempotency_key, request_offset, outcome "
         "FROM campaign_command JOIN campaign ON campaign.id = campaign_id WHERE campaign.partition = " +
         number +
         " ORDER BY request_offset, campaign_id; "
         "DECLARE audit_dead_letters NO SCROLL CURSOR FOR SELECT " OPENRUN_DEAD_LETTER_COLUMNS
         ", discarded_at IS NOT NULL, final_partition, final_offset FROM dead_letter WHERE partition = " +
         number +
         " ORDER BY \"offset\"; "
         "DECLARE audit_outbox NO SCROLL CURSOR FOR SELECT first_offset, last_offset, created_at, payload FROM outbox "
         "WHERE partition = " +
         number + " ORDER BY first_offset";
}

ports::StoredCampaignRow read_audited_campaign(const Rows& rows, int row) {
  ports::StoredCampaignRow stored;
  stored.campaign = read_campaign(rows, row);
  stored.partition = Partition{static_cast<std::int32_t>(rows.at(row, campaign_partition_column).integer())};
  stored.counters_offset = Offset{rows.at(row, campaign_counters_offset_column).integer()};
  std::ranges::copy(rows.at(row, campaign_columns_end).bytes().substr(0, stored.digest.size()), stored.digest.begin());
  stored.state = rows.at(row, campaign_columns_end + 1).string();
  if (const Field first = rows.at(row, campaign_columns_end + 2); !first.is_null()) {
    stored.first_command = Offset{first.integer()};
  }
  return stored;
}

ports::StoredCoupon read_coupon(const Rows& rows, int row) {
  ports::StoredCoupon coupon;
  coupon.campaign = CampaignId{static_cast<std::uint32_t>(rows.at(row, 0).integer())};
  coupon.sequence = Sequence{static_cast<std::uint32_t>(rows.at(row, 1).integer())};
  coupon.user = rows.at(row, 2).string();
  coupon.idempotency_key = rows.at(row, 3).string();
  coupon.code = rows.at(row, 4).string();
  coupon.issued_at = rows.at(row, 5).timestamp();
  coupon.valid_until = rows.at(row, 6).timestamp_or_null();
  coupon.request_partition = Partition{static_cast<std::int32_t>(rows.at(row, 7).integer())};
  coupon.request_offset = Offset{rows.at(row, 8).integer()};
  coupon.request_nonce = static_cast<std::uint32_t>(rows.at(row, 9).integer());
  return coupon;
}

ports::CommandRow read_command(const Rows& rows, int row) {
  return {CampaignId{static_cast<std::uint32_t>(rows.at(row, 0).integer())}, rows.at(row, 1).string(),
          Offset{rows.at(row, 2).integer()}, static_cast<issuance::Outcome>(rows.at(row, 3).integer())};
}

ports::StoredDeadLetter read_stored_dead_letter(const Rows& rows, int row) {
  ports::StoredDeadLetter letter;
  letter.row = read_dead_letter(rows, row);
  letter.discarded = rows.at(row, dead_letter_columns_end).boolean();
  if (const Field partition = rows.at(row, dead_letter_columns_end + 1); !partition.is_null()) {
    letter.final_partition = Partition{static_cast<std::int32_t>(partition.integer())};
  }
  if (const Field offset = rows.at(row, dead_letter_columns_end + 2); !offset.is_null()) {
    letter.final_offset = Offset{offset.integer()};
  }
  return letter;
}

ports::StoredOutboxRow read_outbox_row(const Rows& rows, int row) {
  return {Offset{rows.at(row, 0).integer()}, Offset{rows.at(row, 1).integer()}, rows.at(row, 2).timestamp(),
          rows.at(row, 3).string()};
}

class PostgresAuditRows : public ports::AuditRows {
 public:
  explicit PostgresAuditRows(const Options& options) : options_(options) {
    if (options_.application.empty()) options_.application = "openrun";
  }

  Result<std::vector<ports::StoredCheckpoint>> checkpoints() override {
    return all(checkpoints_now, {}, [](const Rows& rows, int row) {
      return ports::StoredCheckpoint{Partition{static_cast<std::int32_t>(rows.at(row, 0).integer())},
                                     Epoch{rows.at(row, 1).integer()},
                                     Offset{rows.at(row, 2).integer()},
                                     rows.at(row, 3).timestamp(),
                                     static_cast<std::uint64_t>(rows.at(row, 4).integer()),
                                     static_cast<std::uint32_t>(rows.at(row, 5).integer()),
                                     Offset{rows.at(row, 6).integer()},
                                     rows.at(row, 7).integer()};
    });
  }

  Result<std::vector<ports::StoredCampaignRow>> campaigns(Partition partition) override {
    Parameters parameters;
    parameters.int4(partition.value);
    return all(campaigns_of, parameters, read_audited_campaign);
  }

  Result<std::optional<ports::StoredCampaignRow>> campaign(CampaignId campaign) override {
    Parameters parameters;
    parameters.int4(static_cast<std::int32_t>(campaign.value));
    return first(all(campaign_by_id, parameters, read_audited_campaign));
  }

  Result<void> open(Partition partition) override {
    auto connection = ready();
    if (!connection) return std::unexpected(to_error(connection.error()));
    if (auto done = (*connection)->execute(open_cursors(partition)); !done) {
      return std::unexpected(to_error(done.error()));
    }
    return {};
  }

  Result<std::vector<ports::StoredCoupon>> next_coupons() override { return all(fetch_coupons, {}, read_coupon); }
  Result<std::vector<ports::CommandRow>> next_commands() override { return all(fetch_commands, {}, read_command); }
  Result<std::vector<ports::StoredDeadLetter>> next_dead_letters() override {
    return all(fetch_dead_letters, {}, read_stored_dead_letter);
  }
  Result<std::vector<ports::StoredOutboxRow>> next_outbox_rows() override {
    return all(fetch_outbox, {}, read_outbox_row);
  }

  Result<std::optional<ports::StoredOutboxRow>> outbox_row(Partition partition, Offset first_offset) override {
    Parameters parameters;
    parameters.int4(partition.value).int8(first_offset.value);
    return first(all(outbox_by_key, parameters, read_outbox_row));
  }

 private:
  // The transaction begins with the first question and ends with the connection.
  Sql<Connection*> ready() {
    if (!connection_) {
      auto opened = Connection::open(options_, options_.application, interrupt_);
      if (!opened) return std::unexpected(std::move(opened.error()));
      // The rows are read to the end, so the plans should be the fastest to the end; and whoever reads may take its
      // time between two pages.
      auto begun = (*opened)->execute(
          "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0; "
          "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL cursor_tuple_fraction = 1");
      if (!begun) return std::unexpected(std::move(begun.error()));
      connection_ = std::move(*opened);
    }
    return connection_.get();
  }

  template <class Read>
  auto all(const Statement& statement, const Parameters& parameters, Read&& read)
      -> Result<std::vector<std::invoke_result_t<Read, const Rows&, int>>> {
    auto connection = ready();
    if (!connection) return std::unexpected(to_error(connection.error()));
    auto rows = (*connection)->query(statement, parameters);
    if (!rows) return std::unexpected(to_error(rows.error()));
    std::vector<std::invoke_result_t<Read, const Rows&, int>> values;
    values.reserve(static_cast<std::size_t>(rows->size()));
    for (int row = 0; row < rows->size(); ++row) values.push_back(read(*rows, row));
    return values;
  }

  template <class T>
  static Result<std::optional<T>> first(Result<std::vector<T>> values) {
    if (!values) return std::unexpected(std::move(values.error()));
    if (values->empty()) return std::optional<T>();
    return std::optional<T>(std::move(values->front()));
  }

  Options options_;
  Interrupt interrupt_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<ports::AuditRows> make_audit_rows(const Options& options) {
  return std::make_unique<PostgresAuditRows>(options);
}

}  // namespace openrun::postgres
