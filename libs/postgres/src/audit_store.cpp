#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openrun/postgres/postgres.hpp>

#include "session.hpp"

namespace openrun::postgres {
namespace {

// Claims are counted apart only where everything is looked at ($4): it sorts every row, and the unique index says the
// same.
const Statement campaign_facts{
    "campaign_facts",
    "SELECT campaign.id, campaign.stock, campaign.issued, known.coupons + facts.coupons, "
    "CASE WHEN known.coupons > 0 THEN 1 ELSE facts.sequence_min END, greatest(known.coupons, facts.sequence_max), "
    "CASE WHEN $4 THEN (SELECT count(*) FROM (SELECT FROM coupon WHERE campaign_id = campaign.id "
    "GROUP BY user_id, idempotency_key HAVING count(*) > 1) AS twice) ELSE 0 END, "
    "greatest(known.offset_max, facts.offset_max), coalesce(partition_checkpoint.next_offset, 0) "
    "FROM campaign LEFT JOIN partition_checkpoint ON partition_checkpoint.partition = campaign.partition "
    "LEFT JOIN unnest($5, $6, $7) AS given(campaign, coupons, offset_max) ON given.campaign = campaign.id AND "
    "given.coupons <= campaign.issued "
    "CROSS JOIN LATERAL (SELECT coalesce(given.coupons, 0) AS coupons, coalesce(given.offset_max, -1) AS offset_max) "
    "AS known "
    "CROSS JOIN LATERAL (SELECT count(*) AS coupons, coalesce(min(sequence), 0) AS sequence_min, "
    "coalesce(max(sequence), 0) AS sequence_max, coalesce(max(request_offset), -1) AS offset_max "
    "FROM coupon WHERE coupon.campaign_id = campaign.id AND coupon.sequence > known.coupons) AS facts "
    "WHERE campaign.id > $1 AND campaign.touched_at >= $3 ORDER BY campaign.id LIMIT $2"};

// Where a partition's rows are known to be sound, the newest of them is read once more: the next one begins where it
// ends. No row begins behind the end of the newest one; that the backlog has an end tells the planner that it is short.
const Statement partition_facts{
    "partition_facts",
    "SELECT checkpoint.partition, checkpoint.epoch, checkpoint.next_offset, checkpoint.log_time, "
    "coalesce(relay_progress.published_through, 0), coalesce(oldest.first_offset, -1), coalesce(kept.next_offset, -1), "
    "kept.gaps, (SELECT count(*) FROM outbox WHERE outbox.partition = checkpoint.partition AND "
    "outbox.first_offset >= coalesce(relay_progress.published_through, 0) AND outbox.first_offset < kept.next_offset), "
    "(SELECT count(*) FROM dead_letter WHERE dead_letter.partition = checkpoint.partition AND "
    "final_offset IS NULL AND discarded_at IS NULL) "
    "FROM partition_checkpoint AS checkpoint LEFT JOIN relay_progress USING (partition) "
    "LEFT JOIN unnest($1, $2) AS sound(partition, through) USING (partition) "
    "CROSS JOIN LATERAL (SELECT min(outbox.first_offset) AS first_offset FROM outbox "
    "WHERE outbox.partition = checkpoint.partition) AS oldest "
    "CROSS JOIN LATERAL (SELECT coalesce(max(outbox.first_offset), 0) AS first_offset FROM outbox "
    "WHERE outbox.partition = checkpoint.partition AND outbox.first_offset < coalesce(sound.through, 0)) AS "
    "newest_sound "
    "CROSS JOIN LATERAL (SELECT max(last_offset) + 1 AS next_offset, "
    "count(*) FILTER (WHERE first_offset <> expected) AS gaps "
    "FROM (SELECT first_offset, last_offset, lag(last_offset) OVER (ORDER BY first_offset) + 1 AS expected "
    "FROM outbox WHERE outbox.partition = checkpoint.partition AND outbox.first_offset >= newest_sound.first_offset) "
    "AS rows) AS kept ORDER BY checkpoint.partition"};

const char* const every_code =
    "COPY (SELECT coalesce(coupon.campaign_id, campaign.id), coalesce(coupon.sequence, 0), coalesce(coupon.code, ''), "
    "coalesce(coupon.request_partition, 0), coalesce(coupon.request_offset, -1), "
    "coalesce(coupon.issued_at, campaign.starts_at), campaign.starts_at, coalesce(coupon.user_id, ''), "
    "coalesce(coupon.idempotency_key, ''), coupon.valid_until, campaign.digest, campaign.state, campaign.ends_at "
    "FROM coupon FULL JOIN campaign ON campaign.id = coupon.campaign_id ORDER BY 1, 2) TO STDOUT (FORMAT binary)";

AuditStore::CodeRow read_code_row(std::span<const Field> row) {
  AuditStore::CodeRow code;
  code.campaign = CampaignId{static_cast<std::uint32_t>(row[0].integer())};
  code.sequence = Sequence{static_cast<std::uint32_t>(row[1].integer())};
  code.code = row[2].string();
  code.request_partition = Partition{static_cast<std::int32_t>(row[3].integer())};
  code.request_offset = Offset{row[4].integer()};
  code.issued_at = row[5].timestamp();
  code.starts_at = row[6].timestamp_or_null().value_or(Timestamp{});
  code.user = row[7].string();
  code.idempotency_key = row[8].string();
  code.valid_until = row[9].timestamp_or_null();
  code.has_campaign = !row[10].is_null();
  if (!code.has_campaign) return code;
  std::ranges::copy(row[10].bytes().substr(0, code.digest.size()), code.digest.begin());
  code.state = row[11].string();
  code.ends_at = row[12].timestamp_or_null();
  return code;
}

// The same sum as reconciler::add_to_sum. No product leaves a bigint: 2^20 * 2^42; the sum itself is numeric.
const Statement coupon_sums_of{
    "coupon_sums_of",
    "SELECT facts.coupons, facts.sum "
    "FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS wanted(campaign, partition, first, last, place) "
    "CROSS JOIN LATERAL (SELECT count(*) AS coupons, coalesce(sum((sequence % 1000003 + 1) * "
    "(request_offset % 4398046511104)) % 4611686018427387904, 0)::bigint AS sum FROM coupon "
    "WHERE campaign_id = wanted.campaign AND sequence BETWEEN wanted.first AND wanted.last AND "
    "request_partition = wanted.partition) AS facts ORDER BY wanted.place"};

const Statement coupon_keys_of{"coupon_keys_of",
                               "SELECT sequence, request_offset FROM coupon WHERE campaign_id = $1 AND "
                               "request_partition = $2 AND sequence BETWEEN $3 AND $4 ORDER BY sequence"};

const Statement all_checkpoints{"all_checkpoints", "SELECT partition, next_offset FROM partition_checkpoint"};
const Statement digest_of{"digest_of", "SELECT digest FROM campaign WHERE id = $1"};

AuditStore::ExportRow read_export_row(std::span<const Field> row) {
  return {Sequence{static_cast<std::uint32_t>(row[0].integer())},
          row[1].string(),
          row[2].string(),
          row[3].string(),
          row[4].string(),
          row[5].timestamp(),
          row[6].timestamp_or_null(),
          row[7].timestamp_or_null(),
          Partition{static_cast<std::int32_t>(row[8].integer())},
          Offset{row[9].integer()}};
}

class PostgresAuditStore : public AuditStore {
 public:
  PostgresAuditStore(const Options& options, ports::Logger& logger) : session_(options, logger) {}

  Result<std::vector<issuance::StoredCampaign>> stored_campaigns(
      CampaignId after, std::size_t limit, Timestamp updated_since,
      std::span<const issuance::StoredCampaign> known) override {
    Array campaign_ids(Type::int4), coupons(Type::int8), offset_max(Type::int8);
    for (const issuance::StoredCampaign& one : known) {
      campaign_ids.add_int4(static_cast<std::int32_t>(one.campaign.value));
      coupons.add_int8(one.coupons);
      offset_max.add_int8(one.offset_max);
    }
    Parameters parameters;
    parameters.int8(after.value)
        .int8(static_cast<std::int64_t>(limit))
        .timestamp(updated_since)
        .boolean(updated_since == Timestamp{})
        .array(campaign_ids)
        .array(coupons)
        .array(offset_max);
    return session_.run_in_snapshot([&](Connection& connection) {
      return map(connection.query(campaign_facts, parameters), [](Rows rows) {
        std::vector<issuance::StoredCampaign> campaigns;
        for (int row = 0; row < rows.size(); ++row) {
          issuance::StoredCampaign campaign;
          campaign.campaign = CampaignId{static_cast<std::uint32_t>(rows.at(row, 0).integer())};
          campaign.stock = rows.at(row, 1).integer();
          campaign.issued = rows.at(row, 2).integer();
          campaign.coupons = rows.at(row, 3).integer();
          campaign.sequence_min = rows.at(row, 4).integer();
          campaign.sequence_max = rows.at(row, 5).integer();
          campaign.duplicate_claims = rows.at(row, 6).integer();
          campaign.offset_max = rows.at(row, 7).integer();
          campaign.next_offset = rows.at(row, 8).integer();
          campaigns.push_back(campaign);
        }
        return campaigns;
      });
    });
  }

  Result<std::uint64_t> each_code(const std::function<void(const CodeRow&)>& each) override {
    return session_.run_in_snapshot([&](Connection& connection) {
      return connection.copy_out(every_code, [&](std::span<const Field> row) { each(read_code_row(row)); });
    });
  }

  Result<Digest> export_coupons(CampaignId campaign, const std::function<void(const ExportRow&)>& each) override {
    Parameters parameters;
    parameters.int4(static_cast<std::int32_t>(campaign.value));
    auto exported = session_.run_in_snapshot([&](Connection& connection) -> Sql<std::optional<Digest>> {
      const auto found = connection.query(digest_of, parameters);
      if (!found) return std::unexpected(found.error());
      if (found->size() == 0) return std::optional<Digest>();
      const auto done = connection.copy_out(
          "COPY (SELECT sequence, user_id, idempotency_key, code, status, issued_at, valid_until, used_at, "
          "request_partition, request_offset FROM coupon WHERE campaign_id = " +
              std::to_string(campaign.value) + " ORDER BY sequence) TO STDOUT (FORMAT binary)",
          [&](std::span<const Field> row) { each(read_export_row(row)); });
      if (!done) return std::unexpected(done.error());
      std::optional<Digest> digest(std::in_place);
      std::ranges::copy(found->at(0, 0).bytes().substr(0, digest->size()), digest->begin());
      return digest;
    });
    if (!exported) return std::unexpected(std::move(exported.error()));
    if (!*exported) return fail(Error::Kind::not_found, "there is no campaign " + std::to_string(campaign.value));
    return **exported;
  }

  Result<std::vector<PartitionRow>> partitions(const std::map<Partition, Offset>& sound_through) override {
    Array sound_partition(Type::int4), through(Type::int8);
    for (const auto& [partition, offset] : sound_through) {
      sound_partition.add_int4(partition.value);
      through.add_int8(offset.value);
    }
    Parameters parameters;
    parameters.array(sound_partition).array(through);
    return session_.run_in_snapshot([&](Connection& connection) {
      return map(connection.query(partition_facts, parameters), [](Rows rows) {
        std::vector<PartitionRow> partitions;
        for (int row = 0; row < rows.size(); ++row) {
          PartitionRow partition;
          partition.partition = Partition{static_cast<std::int32_t>(rows.at(row, 0).integer())};
          partition.epoch = Epoch{rows.at(row, 1).integer()};
          partition.next_offset = Offset{rows.at(row, 2).integer()};
          partition.log_time = rows.at(row, 3).timestamp();
          partition.published_through = Offset{rows.at(row, 4).integer()};
          partition.outbox_first = Offset{rows.at(row, 5).integer()};
          partition.outbox_next = Offset{rows.at(row, 6).integer()};
          partition.outbox_gaps = rows.at(row, 7).integer();
          partition.outbox_backlog = rows.at(row, 8).integer();
          partition.open_dead_letters = rows.at(row, 9).integer();
          partitions.push_back(partition);
        }
        return partitions;
      });
    });
  }

  Result<std::vector<CouponSum>> coupon_sums(const std::vector<CouponRange>& ranges) override {
    Array campaign(Type::int4), partition(Type::int4), first(Type::int8), last(Type::int8);
    for (const CouponRange& range : ranges) {
      campaign.add_int4(static_cast<std::int32_t>(range.campaign.value));
      partition.add_int4(range.partition.value);
      first.add_int8(range.first.value);
      last.add_int8(range.last.value);
    }
    Parameters parameters;
    parameters.array(campaign).array(partition).array(first).array(last);
    return session_.run([&](Connection& connection) {
      return map(connection.query(coupon_sums_of, parameters), [](Rows rows) {
        std::vector<CouponSum> sums;
        for (int row = 0; row < rows.size(); ++row) {
          sums.push_back({rows.at(row, 0).integer(), static_cast<std::uint64_t>(rows.at(row, 1).integer())});
        }
        return sums;
      });
    });
  }

  Result<std::vector<CouponKey>> coupon_keys(const CouponRange& range) override {
    Parameters parameters;
    parameters.int4(static_cast<std::int32_t>(range.campaign.value))
        .int4(range.partition.value)
        .int8(range.first.value)
        .int8(range.last.value);
    return session_.run([&](Connection& connection) {
      return map(connection.query(coupon_keys_of, parameters), [](Rows rows) {
        std::vector<CouponKey> keys;
        for (int row = 0; row < rows.size(); ++row) {
          keys.push_back(
              {Sequence{static_cast<std::uint32_t>(rows.at(row, 0).integer())}, Offset{rows.at(row, 1).integer()}});
        }
        return keys;
      });
    });
  }

  Result<std::map<Partition, Offset>> checkpoints() override {
    return session_.run([](Connection& connection) {
      return map(connection.query(all_checkpoints), [](Rows rows) {
        std::map<Partition, Offset> checkpoints;
        for (int row = 0; row < rows.size(); ++row) {
          checkpoints.emplace(Partition{static_cast<std::int32_t>(rows.at(row, 0).integer())},
                              Offset{rows.at(row, 1).integer()});
        }
        return checkpoints;
      });
    });
  }

 private:
  Session session_;
};

}  // namespace

std::unique_ptr<AuditStore> make_audit_store(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresAuditStore>(options, logger);
}

}  // namespace openrun::postgres
