#include "checker.hpp"

#include <algorithm>

#include <openrun/base/limits.hpp>
#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/issuance/invariants.hpp>
#include <openrun/wire/json.hpp>
#include <openrun/wire/log_record.hpp>

#include "issuer/loop.hpp"
#include "node.hpp"

namespace openrun::simulation {
namespace {

using issuance::Outcome;

std::string place_of(Partition partition, Offset offset) {
  return std::to_string(partition.value) + ":" + std::to_string(offset.value);
}

}  // namespace

Checker::Checker(Context& context) : context_(context) {
  context.database.on_commit = [this](const ports::CommitBatch& batch) { committed(batch); };
  context.broker.on_append = [this](ports::Topic topic, Partition partition, Offset offset,
                                    const sim::Broker::Record& record) {
    context_.fingerprint.mix(static_cast<std::uint64_t>(record.time.value) ^ static_cast<std::uint64_t>(offset.value));
    context_.fingerprint.mix(record.value);
    appended(topic, partition, record);
  };
}

// ---- who writes ----

void Checker::took_over(Partition partition, Epoch epoch, std::uint64_t writer) {
  context_.trace("store", [&] {
    return "partition " + std::to_string(partition.value) + " is taken over, epoch " + std::to_string(epoch.value);
  });
  if (!epochs_.emplace(std::pair{partition, epoch}, writer).second) context_.violate("an epoch was given twice");
  reigns_[partition] = {context_.scheduler.now_us(), 0};
}

void Checker::stopped(Partition partition, Epoch epoch, const std::string& reason, const std::string& message) {
  if (reason == "LOG_LOST" && lost_logs_.contains(partition)) {
    context_.coverage.count(Situation::lost_log_noticed);
    loss_noticed_ = true;
  } else if (reason != "FENCED") {
    context_.violate("an issuer stopped: " + message);
  } else if (context_.database.partition(partition).epoch <= epoch) {
    context_.violate("a writer was fenced, and nobody had taken its partition over: " + message);
  }
}

void Checker::begins(Partition partition, std::uint64_t writer) {
  constexpr std::int64_t moment_us = 20'000;
  LastBegin& last = last_begin_[partition];
  const std::int64_t now_us = context_.scheduler.now_us();
  if (last.writer != writer && last.writer != 0 && now_us - last.time_us < moment_us) {
    context_.coverage.count(Situation::two_writers_commit_in_the_same_moment);
  }
  last = {writer, now_us};
}

// ---- commits ----

void Checker::committed(const ports::CommitBatch& batch) {
  context_.trace("store", [&] {
    return "has " + place_of(batch.partition, batch.expected_next_offset) + "-" +
           std::to_string(batch.next_offset.value - 1) + ": " + std::to_string(batch.coupons.size()) + " coupons, " +
           std::to_string(batch.dead_letters.size()) + " dead letters";
  });
  context_.fingerprint.mix(batch.payload);
  Epoch& last = last_epoch_[batch.partition];
  if (batch.epoch < last) context_.violate("a writer of an older epoch has committed");
  last = std::max(last, batch.epoch);
  const auto results = wire::decode_result_batch(batch.payload);
  if (!results) return context_.violate("an outbox row cannot be read: " + results.error().message);
  check_batch(batch, *results);
  check_times(batch, *results);
  check_dispatch_rate(batch, *results);
  check_bulk(batch, *results);
  if (lost_logs_.contains(batch.partition)) {
    context_.violate("records of a log that was lost were decided: " +
                     place_of(batch.partition, batch.expected_next_offset));
  }
  for (const issuance::Campaign& campaign : batch.campaigns) {
    note_campaign(batch, campaign);
    check_campaign(campaign.id);
    check_digest(campaign.id, *results);
  }
  note_situations(batch, *results);
  auto& outcomes = outcomes_[batch.partition];
  outcomes.insert(outcomes.end(), results->entries.begin(), results->entries.end());
}

void Checker::check_batch(const ports::CommitBatch& batch, const wire::ResultBatch& results) {
  const auto& outcomes = outcomes_[batch.partition];
  const bool dense = results.partition == batch.partition && results.first_offset == batch.expected_next_offset &&
                     results.first_offset.value == static_cast<std::int64_t>(outcomes.size()) &&
                     results.last_offset == batch.next_offset + -1 &&
                     static_cast<std::int64_t>(results.entries.size()) == batch.next_offset - results.first_offset;
  if (!dense) {
    return context_.violate("outbox rows are not dense at " + place_of(batch.partition, batch.expected_next_offset));
  }
  std::size_t coupons = 0;
  std::size_t dead = 0;
  for (const wire::OutcomeEntry& entry : results.entries) {
    if (entry.outcome == Outcome::issued) ++coupons;
    if (entry.outcome == Outcome::dead_lettered) ++dead;
    if (entry.outcome == Outcome::none) context_.violate("a record has no outcome");
  }
  if (coupons != batch.coupons.size()) context_.violate("outcomes and coupons of a batch differ");
  if (dead < batch.dead_letters.size()) context_.violate("outcomes and dead letters of a batch differ");
  for (const ports::CouponRow& row : batch.coupons) {
    const auto& entry = results.entries.at(static_cast<std::size_t>(row.request_offset - results.first_offset));
    const bool same = entry.outcome == Outcome::issued && entry.campaign == row.campaign &&
                      entry.sequence == row.sequence && entry.issued_at == row.issued_at;
    if (!same) context_.violate("a coupon is not the one of its outcome");
  }
}

// No record is decided before its time has come, as far as two clocks can agree on it.
void Checker::check_times(const ports::CommitBatch& batch, const wire::ResultBatch& results) {
  const auto& log = context_.broker.records(ports::Topic::requests, batch.partition);
  const std::int64_t latest_ms = sim::epoch_ms + context_.scheduler.now_us() / 1'000 + Node::clock_ahead_ms_max +
                                 issuer::LoopSettings{}.clock_skew_ms_max;
  for (const wire::OutcomeEntry& entry : results.entries) {
    const auto index = static_cast<std::size_t>(entry.offset.value);
    if (index >= log.size() || log[index].time.value <= latest_ms) continue;
    return context_.violate("a record from the future was decided: " + place_of(batch.partition, entry.offset));
  }
}

// From a takeover on never more requests than the rate allows, and one burst.
void Checker::check_dispatch_rate(const ports::CommitBatch& batch, const wire::ResultBatch& results) {
  const std::int64_t rate = context_.plan.dispatch_per_second;
  if (rate == 0) return;
  Reign& reign = reigns_[batch.partition];
  reign.requests += std::ranges::count_if(results.entries, [](const wire::OutcomeEntry& entry) {
    return issuance::is_issued(entry.outcome) || issuance::is_request_refusal(entry.outcome);
  });
  constexpr std::int64_t bursts_per_second = 20;
  const std::int64_t earned = rate * (context_.scheduler.now_us() - reign.begun_us) / 1'000'000;
  if (reign.requests > earned + rate / bursts_per_second + 2) {
    context_.violate("requests were decided faster than the dispatch rate: " + std::to_string(reign.requests) +
                     " where " + std::to_string(earned) + " were earned");
  }
}

// More than half of a batch of a hundred or more is dead: somebody must have said that this is right.
void Checker::check_bulk(const ports::CommitBatch& batch, const wire::ResultBatch& results) {
  const std::size_t dead = batch.dead_letters.size();
  if (results.entries.size() < limits::dead_letter_batch_min || dead * 2 <= results.entries.size()) return;
  const auto& accepted = context_.database.partition(batch.partition).accepted;
  const bool is_accepted = std::ranges::any_of(accepted, [&](const auto& range) {
    return range.first <= batch.dead_letters.front().offset && batch.dead_letters.back().offset <= range.second;
  });
  if (!is_accepted) context_.violate("a batch that is mostly dead letters was written, and nobody has accepted it");
}

// The chain over the coupons, computed from the rows alone.
void Checker::check_digest(CampaignId campaign, const wire::ResultBatch& results) {
  const sim::CampaignRows* rows = context_.database.find(campaign);
  Chain& chain = chains_[campaign];
  if (chain.links == 0) chain.head = crypto::chain_start(campaign);
  for (auto row = rows->coupons.upper_bound(Sequence{chain.links}); row != rows->coupons.end(); ++row) {
    const ports::CouponRow& coupon = row->second;
    chain.head =
        crypto::chain_next(chain.head, {coupon.sequence, results.partition, coupon.request_offset, coupon.issued_at,
                                        coupon.valid_until, coupon.user, coupon.idempotency_key, coupon.code});
    ++chain.links;
  }
  if (rows->digest != chain.head) context_.violate("the digest of a campaign is not that of its coupons");
  for (const wire::CampaignCounters& counters : results.campaigns) {
    if (counters.campaign == campaign && counters.digest != chain.head) {
      context_.violate("the digest in the results is not that of the coupons");
    }
  }
}

void Checker::check_campaign(CampaignId campaign) {
  for (const issuance::Violation& violation : issuance::check_stored(context_.database.counted(campaign))) {
    context_.violate(violation.invariant + " of campaign " + std::to_string(campaign.value) + ": " + violation.detail);
  }
}

void Checker::note_campaign(const ports::CommitBatch& batch, const issuance::Campaign& campaign) {
  const auto [found, created] = campaigns_.try_emplace(campaign.id);
  CampaignFacts& facts = found->second;
  const std::int64_t now_us = context_.scheduler.now_us();
  if (created) facts.created_us = now_us;
  const bool sold_out = campaign.issued >= campaign.terms.stock;
  if (facts.ever_sold_out && campaign.terms.stock > facts.stock) {
    restocked_.emplace(batch.partition, batch.expected_next_offset);
  }
  if (facts.stock != campaign.terms.stock || facts.paused != campaign.paused) facts.changed_us = now_us;
  facts.stock = campaign.terms.stock;
  facts.paused = campaign.paused;
  if (facts.ever_sold_out && !sold_out) context_.coverage.count(Situation::restocked_after_sold_out);
  if (sold_out && !facts.ever_sold_out) facts.first_winners = campaign.issued;
  facts.ever_sold_out = facts.ever_sold_out || sold_out;
  facts.ever_closed = facts.ever_closed || campaign.closed;
  facts.starts_at_max = std::max(facts.starts_at_max, campaign.terms.starts_at);
  if (campaign.terms.ends_at) {
    facts.ends_at_min = std::min(facts.ends_at_min.value_or(*campaign.terms.ends_at), *campaign.terms.ends_at);
  }
}

void Checker::note_situations(const ports::CommitBatch& batch, const wire::ResultBatch& results) {
  Coverage& coverage = context_.coverage;
  const bool first_dead = results.entries.front().outcome == Outcome::dead_lettered;
  if (first_dead && results.entries.size() > 1) coverage.count(Situation::poison_first_in_a_batch);
  for (const wire::OutcomeEntry& entry : results.entries) {
    if (entry.outcome == Outcome::replay_ignored) coverage.count(Situation::replay_of_a_replayed_letter_ignored);
    if (entry.outcome == Outcome::command_repeated) coverage.count(Situation::command_repeated);
    if (entry.outcome > Outcome::command_repeated) coverage.count(Situation::command_refused);
    if (entry.outcome == Outcome::limit_reached) coverage.count(Situation::limit_reached);
    if (entry.outcome == Outcome::issued_before) {
      const sim::CampaignRows* campaign = context_.database.find(entry.campaign);
      const bool by_key = campaign != nullptr && campaign->row.campaign.terms.policy.max_per_user > 1;
      coverage.count(by_key ? Situation::same_key_same_coupon : Situation::same_request_same_coupon);
    }
  }
  for (const wire::ReplayResult& replay : results.replays) {
    const auto& entry = results.entries.at(static_cast<std::size_t>(replay.offset - results.first_offset));
    const sim::CampaignRows* campaign = context_.database.find(entry.campaign);
    if (entry.outcome != Outcome::issued || campaign == nullptr) continue;
    const auto ends_at = campaign->row.campaign.terms.ends_at;
    if (ends_at && entry.issued_at >= *ends_at) coverage.count(Situation::replayed_after_the_end_and_still_issued);
  }
  for (const ports::DeadLetterRow& row : batch.dead_letters) {
    // A replay that is refused again leaves a row that is closed at once.
    const auto& letter = context_.database.partition(batch.partition).dead_letters.at(row.offset);
    if (letter.final_offset == row.offset) coverage.count(Situation::replay_that_failed_again);
  }
}

// ---- the topics ----

bool Checker::is_committed(const wire::ResultBatch& batch, std::string_view payload) {
  const auto& outbox = context_.database.partition(batch.partition).outbox;
  const auto row = outbox.find(batch.first_offset);
  return row != outbox.end() && row->second.payload == payload;
}

void Checker::told_past_the_log(std::string_view payload) {
  const auto batch = wire::decode_result_batch(payload);
  if (!batch) return context_.violate("what cannot be read was told past the log");
  if (is_committed(*batch, payload)) return;
  context_.violate("told past the log before it was committed: " + place_of(batch->partition, batch->first_offset));
}

void Checker::appended(ports::Topic topic, Partition partition, const sim::Broker::Record& record) {
  if (topic == ports::Topic::dead_letters) {
    for (const auto& [name, value] : record.headers) {
      if (name == "openrun.dlq.offset") exported_[partition][Offset{std::stoll(value)}] = record.value;
    }
    return;
  }
  if (topic != ports::Topic::results) return;
  const auto batch = wire::decode_result_batch(record.value);
  if (!batch) return context_.violate("a result that cannot be read was published");
  if (batch->partition != partition || !is_committed(*batch, record.value)) {
    return context_.violate("published before it was committed: " + place_of(partition, batch->first_offset));
  }
  const bool again = !published_[partition].insert(batch->first_offset).second;
  Offset& newest = newest_published_[partition];
  if (again && batch->first_offset < newest) context_.coverage.count(Situation::results_duplicated_out_of_order);
  newest = std::max(newest, batch->first_offset);
}

bool Checker::is_published(Partition partition, Offset first_offset) const {
  const auto found = published_.find(partition);
  return found != published_.end() && found->second.contains(first_offset);
}

void Checker::cursor_saved(Partition partition, Offset cursor) {
  const auto& rows = context_.database.partition(partition);
  for (auto row = rows.outbox.lower_bound(rows.published_through); row != rows.outbox.end() && row->first < cursor;
       ++row) {
    if (is_published(partition, row->first)) continue;
    return context_.violate("the relay's cursor passed an unpublished row: " + place_of(partition, row->first));
  }
}

void Checker::marked_exported(Partition partition, const sim::DeadLetter& letter) {
  const auto found = exported_[partition].find(letter.row.offset);
  if (found == exported_[partition].end() || found->second != letter.row.value) {
    context_.violate("a dead letter is marked that is not in its topic: " + place_of(partition, letter.row.offset));
  }
}

// ---- what is true ----

const wire::OutcomeEntry* Checker::outcome(Partition partition, Offset offset) const {
  const auto found = outcomes_.find(partition);
  if (found == outcomes_.end() || offset.value < 0) return nullptr;
  const auto index = static_cast<std::size_t>(offset.value);
  return index < found->second.size() ? &found->second[index] : nullptr;
}

const wire::OutcomeEntry* Checker::final_outcome(Partition partition, Offset offset) const {
  const wire::OutcomeEntry* entry = outcome(partition, offset);
  if (entry == nullptr || entry->outcome != Outcome::dead_lettered) return entry;
  const auto& letters = context_.database.partitions().at(partition).dead_letters;
  const auto letter = letters.find(offset);
  if (letter == letters.end() || !letter->second.final_offset) return entry;
  return outcome(partition, *letter->second.final_offset);
}

bool Checker::sold_out_now(CampaignId campaign) const {
  const sim::CampaignRows* rows = context_.database.find(campaign);
  return rows != nullptr && rows->row.campaign.issued >= rows->row.campaign.terms.stock;
}

void Checker::check_all() {
  for (const auto& [id, rows] : context_.database.campaigns()) check_campaign(id);
  for (const auto& [partition, rows] : context_.database.partitions()) {
    std::int64_t next = 0;
    for (const auto& [first, row] : rows.outbox) {
      if (first.value != next) context_.violate("the outbox has a gap at " + place_of(partition, Offset{next}));
      next = row.last_offset.value + 1;
    }
    if (next != rows.next_offset.value) context_.violate("the outbox does not reach the checkpoint");
    for (const auto& [offset, letter] : rows.dead_letters) {
      const auto* entry = outcome(partition, offset);
      const auto& record = context_.broker.records(ports::Topic::requests, partition);
      const bool same = entry != nullptr && entry->outcome == Outcome::dead_lettered &&
                        record.at(static_cast<std::size_t>(offset.value)).value == letter.row.value;
      if (!same) context_.violate("a dead letter is not its record: " + place_of(partition, offset));
    }
  }
}

}  // namespace openrun::simulation
