#include "cli/testing/audited_system.hpp"

#include <algorithm>
#include <array>

#include <openrun/wire/read_record.hpp>

namespace openrun::testing {
namespace {

constexpr Partition partition{3};
constexpr std::int64_t start_ms = 1'764'000'000'000;

issuance::PartitionSnapshot empty() {
  issuance::PartitionSnapshot snapshot;
  snapshot.partition = partition;
  return snapshot;
}

std::string state_of(const issuance::Campaign& campaign) {
  if (campaign.closed) return "closed";
  if (campaign.paused) return "paused";
  return campaign.issued >= campaign.terms.stock ? "sold_out" : "open";
}

}  // namespace

Result<std::optional<ports::StoredCampaignRow>> FakeRows::campaign(CampaignId campaign) {
  for (const auto& row : stored_campaigns) {
    if (row.campaign.id == campaign) return std::optional(row);
  }
  return std::optional<ports::StoredCampaignRow>();
}

Result<void> FakeRows::open(Partition /*partition*/) {
  coupons_at_ = commands_at_ = letters_at_ = outbox_at_ = 0;
  std::ranges::sort(coupons, {},
                    [](const auto& row) { return std::tuple(row.request_offset, row.campaign, row.sequence); });
  return {};
}

Result<std::optional<ports::StoredOutboxRow>> FakeRows::outbox_row(Partition /*partition*/, Offset first_offset) {
  for (const auto& row : outbox) {
    if (row.first_offset == first_offset) return std::optional(row);
  }
  return std::optional<ports::StoredOutboxRow>();
}

AuditedSystem::AuditedSystem()
    : codes(std::array<std::uint8_t, 32>{1}),
      user_hash(std::array<std::uint8_t, 16>{2}),
      machine_(empty(), 1),
      chains_(codes) {
  rows.checkpoint.partition = partition;
  rows.checkpoint.epoch = Epoch{1};
  rows.checkpoint.decision_version = issuance::decision_version_supported;
}

Offset AuditedSystem::append(const std::string& value, bool refused) {
  const auto end = log.bounds(ports::Topic::requests, partition).end;
  const Offset offset =
      log.append(ports::Topic::requests, partition, Timestamp{start_ms + end.value}, value, {{"h", "v"}});
  if (refused) refused_.emplace(offset, "SQLSTATE 22021");
  return offset;
}

void AuditedSystem::commit() {
  const auto end = log.bounds(ports::Topic::requests, partition).end;
  if (next_ == end) return;
  const auto reader = log.open(ports::Topic::requests, partition, next_).value();
  const auto read = reader->poll(10'000, std::chrono::milliseconds(0)).value();
  issuer::PendingBatch pending(partition, Epoch{1}, next_);
  for (const ports::LogRecord& record : read.records) {
    const auto verdict = refused_.find(record.offset);
    const auto understood = wire::read_record(record.offset, record.time, record.value,
                                              verdict == refused_.end() ? nullptr : &verdict->second);
    const auto decision = machine_.apply(understood.input);
    pending.add(
        record, understood, decision, machine_,
        [&](CampaignId campaign, std::string_view user) { return user_hash(campaign.value, user); },
        [&](const ports::LogRecord& of) { return reader->headers(of); });
  }
  const auto batch = pending.seal(machine_, chains_);
  store(*batch);
  log.append(ports::Topic::results, partition, Timestamp{start_ms}, batch->payload);
  next_ = batch->next_offset;
}

void AuditedSystem::store(const ports::CommitBatch& batch) {
  rows.checkpoint.next_offset = batch.next_offset;
  rows.checkpoint.published_through = batch.next_offset;
  rows.checkpoint.log_time = batch.log_time;
  rows.checkpoint.fingerprint = batch.fingerprint;
  for (const ports::CouponRow& row : batch.coupons) {
    rows.coupons.push_back({row.campaign, row.sequence, row.user, row.idempotency_key, row.code, row.issued_at,
                            row.valid_until, partition, row.request_offset, row.request_nonce});
  }
  for (const ports::CommandRow& row : batch.commands) rows.commands.push_back(row);
  for (const ports::DeadLetterRow& row : batch.dead_letters) rows.dead_letters.push_back({row, false, {}, {}});
  for (const ports::ReplayRow& row : batch.replays) {
    for (ports::StoredDeadLetter& letter : rows.dead_letters) {
      if (letter.row.offset != row.origin || letter.final_offset) continue;
      letter.final_partition = partition;
      letter.final_offset = row.final_offset;
    }
  }
  rows.outbox.push_back({batch.expected_next_offset, batch.next_offset + -1, Timestamp{start_ms}, batch.payload});
  store_campaigns(batch);
}

void AuditedSystem::store_campaigns(const ports::CommitBatch& batch) {
  for (std::size_t i = 0; i < batch.campaigns.size(); ++i) {
    const issuance::Campaign& campaign = batch.campaigns[i];
    auto found =
        std::ranges::find_if(rows.stored_campaigns, [&](const auto& row) { return row.campaign.id == campaign.id; });
    if (found == rows.stored_campaigns.end()) {
      found = rows.stored_campaigns.insert(found, ports::StoredCampaignRow{});
      found->first_command = campaign.terms_offset;
    }
    found->campaign = campaign;
    found->state = state_of(campaign);
    found->partition = partition;
    found->counters_offset = batch.next_offset + -1;
    found->digest = batch.digests[i];
  }
}

}  // namespace openrun::testing
