#include <algorithm>

#include <openrun/sim/stores.hpp>

namespace openrun::sim {
namespace {

std::unexpected<Error> lost() {
  return fail(Error::Kind::unavailable, "the connection was lost");
}

// Performs a call as its fate says.
template <class Call>
auto perform(CallFate fate, const Result<void>& health, Call call) -> decltype(call()) {
  if (fate == CallFate::refused) return lost();
  if (!health) return std::unexpected(health.error());
  auto answer = call();
  if (fate == CallFate::answer_lost) return lost();
  return answer;
}

ports::Coupon coupon_of_row(const ports::CouponRow& row) {
  return {row.campaign, row.sequence,  row.user,        row.idempotency_key,
          row.code,     row.issued_at, row.valid_until, std::nullopt};
}

}  // namespace

// ---- outbox ----

Result<Offset> SimulatedOutbox::published_through(Partition partition) {
  return perform(fate_(), database_.readable(),
                 [&]() -> Result<Offset> { return database_.partition(partition).published_through; });
}

Result<void> SimulatedOutbox::set_published_through(Partition partition, Offset cursor) {
  return perform(fate_(), database_.writable(), [&]() -> Result<void> {
    PartitionRows& rows = database_.partition(partition);
    if (cursor > rows.next_offset) return fail(Error::Kind::conflict, "the checkpoint stands before the cursor");
    if (on_cursor) on_cursor(partition, cursor);
    rows.published_through = std::max(rows.published_through, cursor);
    return {};
  });
}

Result<std::vector<ports::OutboxEntry>> SimulatedOutbox::entries(Partition partition, Offset from, std::size_t limit) {
  return perform(fate_(), database_.readable(), [&]() -> Result<std::vector<ports::OutboxEntry>> {
    const PartitionRows& rows = database_.partition(partition);
    if (from > rows.next_offset) return fail(Error::Kind::conflict, "the checkpoint stands before the rows asked for");
    const auto& outbox = rows.outbox;
    std::vector<ports::OutboxEntry> entries;
    for (auto row = outbox.lower_bound(from); row != outbox.end() && entries.size() < limit; ++row) {
      entries.push_back({row->first, row->second.last_offset, row->second.created_at});
    }
    return entries;
  });
}

Result<std::string> SimulatedOutbox::payload(Partition partition, Offset first_offset) {
  return perform(fate_(), database_.readable(), [&]() -> Result<std::string> {
    const auto& outbox = database_.partition(partition).outbox;
    const auto row = outbox.find(first_offset);
    if (row == outbox.end()) return fail(Error::Kind::not_found, "no outbox row begins there");
    return row->second.payload;
  });
}

Result<std::vector<ports::ExportedDeadLetter>> SimulatedOutbox::dead_letters_to_export(Partition partition,
                                                                                       std::size_t limit) {
  return perform(fate_(), database_.readable(), [&]() -> Result<std::vector<ports::ExportedDeadLetter>> {
    std::vector<ports::ExportedDeadLetter> letters;
    for (const auto& [offset, letter] : database_.partition(partition).dead_letters) {
      if (letters.size() >= limit) break;
      if (!letter.exported) letters.push_back({letter.row, letter.id, letter.created_at});
    }
    return letters;
  });
}

Result<void> SimulatedOutbox::mark_exported(Partition partition, const std::vector<std::int64_t>& ids) {
  return perform(fate_(), database_.writable(), [&]() -> Result<void> {
    for (auto& [offset, letter] : database_.partition(partition).dead_letters) {
      if (std::ranges::find(ids, letter.id) == ids.end()) continue;
      if (on_exported) on_exported(partition, letter);
      letter.exported = true;
    }
    return {};
  });
}

Result<std::size_t> SimulatedOutbox::prune(Partition partition, Timestamp before, std::size_t limit) {
  return perform(fate_(), database_.writable(), [&]() -> Result<std::size_t> {
    PartitionRows& rows = database_.partition(partition);
    std::size_t pruned = 0;
    while (pruned < limit && !rows.outbox.empty()) {
      const auto oldest = rows.outbox.begin();
      if (oldest->second.created_at >= before || oldest->first >= rows.published_through) break;
      rows.outbox.erase(oldest);
      ++pruned;
    }
    return pruned;
  });
}

// ---- gateway ----

Result<void> SimulatedGatewayStore::enter() {
  return fate_() == CallFate::clean ? database_.readable() : Result<void>(lost());
}

const ports::StoredCampaign* SimulatedGatewayStore::version(CampaignId campaign, std::int64_t age_us) const {
  const CampaignRows* rows = database_.find(campaign);
  if (rows == nullptr) return nullptr;
  const std::int64_t at_us = scheduler_.now_us() - age_us;
  // Of the versions that were forgotten the oldest kept one stands in.
  for (auto version = rows->history.rbegin(); version != rows->history.rend(); ++version) {
    if (version->first <= at_us) return &version->second;
  }
  return rows->history.empty() ? nullptr : &rows->history.front().second;
}

Result<std::vector<ports::StoredCampaign>> SimulatedGatewayStore::campaigns_named(std::span<const CampaignId> ids) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  const std::int64_t age_us = age_us_();
  std::vector<ports::StoredCampaign> found;
  for (const CampaignId id : ids) {
    if (const ports::StoredCampaign* row = version(id, age_us)) found.push_back(*row);
  }
  return found;
}

Result<std::vector<ports::StoredCampaign>> SimulatedGatewayStore::campaigns(CampaignId after, std::size_t limit) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  std::vector<ports::StoredCampaign> found;
  const auto& all = database_.campaigns();
  for (auto next = all.upper_bound(after); next != all.end() && found.size() < limit; ++next) {
    found.push_back(next->second.row);
  }
  return found;
}

Result<ports::Reservation> SimulatedGatewayStore::reserve_campaign(std::string_view key, std::int32_t partitions) {
  return perform(fate_(), database_.writable(),
                 [&]() -> Result<ports::Reservation> { return database_.reserve(key, partitions); });
}

Result<std::optional<std::string>> SimulatedGatewayStore::outcome_batch(Partition partition, Offset offset) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  const auto& outbox = database_.partition(partition).outbox;
  auto row = outbox.upper_bound(offset);
  if (row == outbox.begin()) return std::nullopt;
  --row;
  if (row->second.last_offset < offset) return std::nullopt;
  return row->second.payload;
}

Result<ports::GatewayStore::Progress> SimulatedGatewayStore::progress(Partition partition) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  const PartitionRows& rows = database_.partition(partition);
  return Progress{rows.next_offset, rows.outbox.empty() ? rows.next_offset : rows.outbox.begin()->first};
}

// The simulated gateways never ask.
Result<ports::GatewayStore::Checkpoints> SimulatedGatewayStore::checkpoints() {
  return fail(Error::Kind::unavailable, "not simulated");
}

Result<std::optional<Offset>> SimulatedGatewayStore::replay_of(Partition partition, Offset origin) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  const auto& letters = database_.partition(partition).dead_letters;
  const auto letter = letters.find(origin);
  return letter == letters.end() ? std::nullopt : letter->second.final_offset;
}

Result<std::optional<ports::Coupon>> SimulatedGatewayStore::coupon(CampaignId campaign, Sequence sequence) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  const CampaignRows* rows = database_.find(campaign);
  if (rows == nullptr) return std::nullopt;
  const auto row = rows->coupons.find(sequence);
  return row == rows->coupons.end() ? std::nullopt : std::optional(coupon_of_row(row->second));
}

Result<std::optional<ports::Coupon>> SimulatedGatewayStore::coupon_of(CampaignId campaign, std::string_view user,
                                                                      std::string_view key) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  const ports::CouponRow* row = database_.coupon_of(campaign, user, key);
  return row == nullptr ? std::nullopt : std::optional(coupon_of_row(*row));
}

Result<std::vector<ports::Coupon>> SimulatedGatewayStore::coupons_of_campaign(CampaignId campaign, Sequence after,
                                                                              std::size_t limit) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  std::vector<ports::Coupon> found;
  const CampaignRows* rows = database_.find(campaign);
  if (rows == nullptr) return found;
  for (auto row = rows->coupons.upper_bound(after); row != rows->coupons.end() && found.size() < limit; ++row) {
    found.push_back(coupon_of_row(row->second));
  }
  return found;
}

Result<std::vector<ports::Coupon>> SimulatedGatewayStore::coupons_of_user(std::string_view user, std::size_t limit) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  std::vector<ports::Coupon> found;
  for (const auto& [id, campaign] : database_.campaigns()) {
    for (const auto& [sequence, row] : campaign.coupons) {
      if (row.user == user && found.size() < limit) found.push_back(coupon_of_row(row));
    }
  }
  return found;
}

Result<std::optional<ports::RedeemedCoupon>> SimulatedGatewayStore::redeem(const ports::Redemption&) {
  return fail(Error::Kind::internal, "redeeming is not simulated");
}

Result<void> SimulatedGatewayStore::holders(std::span<const CampaignId> campaigns, const OnHolder& each) {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  // One snapshot: the rows and their coupons as of the same moment.
  const std::int64_t age_us = age_us_();
  for (const CampaignId campaign : campaigns) {
    const ports::StoredCampaign* row = version(campaign, age_us);
    if (row == nullptr) continue;
    for (const auto& [sequence, coupon] : database_.find(campaign)->coupons) {
      if (sequence.value > row->campaign.issued) break;
      each(campaign, coupon.user);
    }
  }
  return {};
}

Result<std::vector<ports::DispatchRate>> SimulatedGatewayStore::dispatch() {
  if (auto entered = enter(); !entered) return std::unexpected(entered.error());
  std::vector<ports::DispatchRate> rates;
  for (const auto& [partition, per_second] : database_.dispatch()) {
    rates.push_back({partition < 0 ? std::nullopt : std::optional(Partition{partition}), per_second});
  }
  return rates;
}

Result<void> SimulatedGatewayStore::set_dispatch(const ports::DispatchRate& rate) {
  return perform(fate_(), database_.writable(), [&]() -> Result<void> {
    database_.dispatch()[rate.partition ? rate.partition->value : -1] = rate.per_second;
    return {};
  });
}

}  // namespace openrun::sim
