#include "campaign_row.hpp"

#include <string>
#include <utility>

namespace openrun::postgres {
namespace {

constexpr std::string_view rfc3339_format = "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"";

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string_view stored_state(const issuance::Campaign& campaign) {
  if (campaign.closed) return "closed";
  if (campaign.paused) return "paused";
  if (campaign.issued >= campaign.terms.stock) return "sold_out";
  return "open";
}

issuance::Campaign read_campaign(const Rows& rows, int row) {
  int column = 0;
  const auto next = [&] { return rows.at(row, column++); };
  issuance::Campaign campaign;
  campaign.id = CampaignId{static_cast<std::uint32_t>(next().integer())};
  campaign.terms.name = next().string();
  campaign.terms.description = next().string();
  campaign.terms.stock = static_cast<std::uint32_t>(next().integer());
  campaign.issued = static_cast<std::uint32_t>(next().integer());
  campaign.terms.starts_at = next().timestamp();
  campaign.terms.ends_at = next().timestamp_or_null();
  campaign.paused = next().boolean();
  campaign.closed = next().boolean();
  campaign.created_at = next().timestamp();
  campaign.updated_at = next().timestamp();
  campaign.terms_offset = Offset{next().integer()};
  issuance::Policy& policy = campaign.terms.policy;
  const Field type = next();
  const Field value = next();
  const Field currency = next();
  if (!type.is_null()) {
    issuance::Discount discount;
    discount.type = type.bytes() == "amount" ? issuance::Discount::Type::amount : issuance::Discount::Type::percent;
    discount.value = value.integer();
    if (!currency.is_null()) discount.currency = currency.string();
    policy.discount = std::move(discount);
  }
  policy.valid_until = next().timestamp_or_null();
  if (const Field seconds = next(); !seconds.is_null()) policy.valid_for_seconds = seconds.integer();
  if (const Field most = next(); !most.is_null()) policy.max_per_user = static_cast<std::uint32_t>(most.integer());
  if (const Field format = next(); !format.is_null() && format.bytes() == "latin") {
    policy.code_format = issuance::CodeFormat::latin;
  }
  return campaign;
}

// same_partition() refuses a campaign that lives in another partition.
const Statement upsert_campaigns{
    "upsert_campaigns",
    "INSERT INTO campaign AS stored (id, name, description, stock, issued, starts_at, ends_at, paused, closed, "
    "created_at, "
    "updated_at, terms_offset, state, policy, partition, counters_offset, touched_at, digest) "
    "SELECT id, name, description, stock, issued, starts_at, ends_at, paused, closed, created_at, updated_at, "
    "terms_offset, "
    "state, jsonb_strip_nulls(jsonb_build_object("
    "'discount', CASE WHEN discount_type IS NOT NULL THEN jsonb_build_object('type', discount_type, 'value', "
    "discount_value, "
    "'currency', nullif(discount_currency, '')) END, "
    "'valid_until', to_char(valid_until AT TIME ZONE 'UTC', $24), 'valid_for_seconds', valid_for_seconds, "
    "'max_per_user', max_per_user, 'code_format', code_format)), $1, $2, now(), digest "
    "FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) "
    "AS given(id, name, description, stock, issued, starts_at, ends_at, paused, closed, created_at, updated_at, "
    "terms_offset, "
    "state, discount_type, discount_value, discount_currency, valid_until, valid_for_seconds, max_per_user, "
    "code_format, digest) "
    "ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, stock = excluded.stock, "
    "issued = excluded.issued, starts_at = excluded.starts_at, ends_at = excluded.ends_at, paused = excluded.paused, "
    "closed = excluded.closed, created_at = excluded.created_at, updated_at = excluded.updated_at, "
    "terms_offset = excluded.terms_offset, state = excluded.state, policy = excluded.policy, "
    "partition = same_partition(stored.partition, excluded.partition), "
    "counters_offset = excluded.counters_offset, touched_at = excluded.touched_at, digest = excluded.digest"};

Step upsert_campaigns_step(std::span<const TouchedCampaign> touched, Partition partition, Offset last_offset) {
  Array id(Type::int4), name(Type::text), description(Type::text), stock(Type::int8), issued(Type::int8),
      starts_at(Type::timestamp), ends_at(Type::timestamp), paused(Type::boolean), closed(Type::boolean),
      created_at(Type::timestamp), updated_at(Type::timestamp), terms_offset(Type::int8), state(Type::text),
      discount_type(Type::text), discount_value(Type::int8), discount_currency(Type::text),
      valid_until(Type::timestamp), valid_for_seconds(Type::int8), max_per_user(Type::int8), code_format(Type::text),
      digest(Type::bytes);
  for (const auto& [after, after_digest] : touched) {
    const issuance::Campaign& campaign = *after;
    const issuance::CampaignTerms& terms = campaign.terms;
    const issuance::Policy& policy = terms.policy;
    id.add_int4(static_cast<std::int32_t>(campaign.id.value));
    name.add_text(terms.name);
    description.add_text(terms.description);
    stock.add_int8(terms.stock);
    issued.add_int8(campaign.issued);
    starts_at.add_timestamp(terms.starts_at);
    ends_at.add_timestamp(terms.ends_at);
    paused.add_boolean(campaign.paused);
    closed.add_boolean(campaign.closed);
    created_at.add_timestamp(campaign.created_at);
    updated_at.add_timestamp(campaign.updated_at);
    terms_offset.add_int8(campaign.terms_offset.value);
    state.add_text(stored_state(campaign));
    if (policy.discount) {
      discount_type.add_text(policy.discount->type == issuance::Discount::Type::amount ? "amount" : "percent");
      discount_value.add_int8(policy.discount->value);
      discount_currency.add_text(policy.discount->currency);
    } else {
      discount_type.add_null();
      discount_value.add_null();
      discount_currency.add_null();
    }
    valid_until.add_timestamp(policy.valid_until);
    policy.valid_for_seconds ? valid_for_seconds.add_int8(*policy.valid_for_seconds) : valid_for_seconds.add_null();
    max_per_user.add_int8(policy.max_per_user);
    code_format.add_text(policy.code_format == issuance::CodeFormat::latin ? "latin" : "hangul");
    digest.add_text(bytes_of(*after_digest));
  }
  Parameters parameters;
  parameters.int4(partition.value).int8(last_offset.value);
  for (const Array* column : {&id,
                              &name,
                              &description,
                              &stock,
                              &issued,
                              &starts_at,
                              &ends_at,
                              &paused,
                              &closed,
                              &created_at,
                              &updated_at,
                              &terms_offset,
                              &state,
                              &discount_type,
                              &discount_value,
                              &discount_currency,
                              &valid_until,
                              &valid_for_seconds,
                              &max_per_user,
                              &code_format,
                              &digest}) {
    parameters.array(*column);
  }
  parameters.text(rfc3339_format);
  return {&upsert_campaigns, std::move(parameters)};
}

const Statement update_counters{"update_counters",
                                "UPDATE campaign SET issued = $3, state = $4, digest = $5, counters_offset = $6, "
                                "touched_at = now() WHERE id = $1 AND partition = $2"};

const Statement update_counters_of_many{
    "update_counters_of_many",
    "UPDATE campaign SET issued = given.issued, state = given.state, digest = given.digest, counters_offset = $2, "
    "touched_at = now() FROM unnest($3, $4, $5, $6) AS given(id, issued, state, digest) "
    "WHERE campaign.id = given.id AND campaign.partition = $1"};

Step update_counters_step(std::span<const TouchedCampaign> campaigns, Partition partition, Offset last_offset) {
  Parameters parameters;
  if (campaigns.size() == 1) {
    const auto& [campaign, digest] = campaigns.front();
    parameters.int4(static_cast<std::int32_t>(campaign->id.value))
        .int4(partition.value)
        .int8(campaign->issued)
        .text(stored_state(*campaign))
        .bytes(bytes_of(*digest))
        .int8(last_offset.value);
    return {&update_counters, std::move(parameters)};
  }
  Array id(Type::int4), issued(Type::int8), state(Type::text), digests(Type::bytes);
  for (const auto& [campaign, digest] : campaigns) {
    id.add_int4(static_cast<std::int32_t>(campaign->id.value));
    issued.add_int8(campaign->issued);
    state.add_text(stored_state(*campaign));
    digests.add_text(bytes_of(*digest));
  }
  parameters.int4(partition.value).int8(last_offset.value);
  for (const Array* column : {&id, &issued, &state, &digests}) parameters.array(*column);
  return {&update_counters_of_many, std::move(parameters)};
}

}  // namespace openrun::postgres
