#include "aftermath.hpp"

#include <algorithm>
#include <vector>

#include <openrun/wire/log_record.hpp>

namespace openrun::simulation {

// ---- stock that a gateway does not hear of ----

bool Aftermath::begin_missed_restock() {
  std::vector<CampaignId> candidates;
  for (const auto& [id, rows] : context_.database.campaigns()) {
    const issuance::Campaign& campaign = rows.row.campaign;
    const bool over = campaign.closed || campaign.paused || campaign.terms.ends_at.has_value();
    if (checker_.sold_out_now(id) && campaign.issued > 0 && !over) candidates.push_back(id);
  }
  if (candidates.empty()) return false;
  context_.coverage.count(Situation::restock_missed_by_a_gateway);
  restocked_ = candidates[context_.random.below(candidates.size())];
  frozen_ = context_.random.below(cast_.gateways.size());
  cast_.gateways[frozen_]->freeze();
  // What waits on its connections it would hear when it goes on.
  context_.stream.cut();
  const issuance::CampaignCommand command{restocked_, "missed", issuance::AddStock{10}};
  context_.broker.append(ports::Topic::requests, context_.database.find(restocked_)->row.partition,
                         std::to_string(restocked_.value), wire::encode_command(context_.random.next_u32(), command));
  return true;
}

void Aftermath::end_missed_restock() {
  const Partition partition = context_.database.find(restocked_)->row.partition;
  const auto bounds = context_.broker.bounds(ports::Topic::results, partition);
  context_.broker.expire(ports::Topic::results, partition, bounds.end);
  cast_.gateways[frozen_]->thaw();
}

void Aftermath::ask_for_missed_restock(bool again) {
  Asked asked{Asked::Kind::request, restocked_, "restocked", "late", "", 0, again};
  constexpr std::int64_t patience_us = 5'000'000;
  workload_.ask(*cast_.gateways[frozen_], late_request(restocked_, asked.user), asked, patience_us, [](const Told&) {});
}

// ---- results that come again ----

void Aftermath::repeat_results() {
  context_.coverage.count(Situation::results_repeated_from_the_beginning);
  for (const auto& [partition, rows] : context_.database.partitions()) {
    std::vector<const sim::OutboxRow*> order;
    order.reserve(rows.outbox.size());
    for (const auto& [first, row] : rows.outbox) order.push_back(&row);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[context_.random.below(i)]);
    for (const sim::OutboxRow* row : order) {
      context_.broker.append(ports::Topic::results, partition, std::to_string(partition.value), row->payload);
    }
  }
}

void Aftermath::ask_without_store() {
  context_.database.set_down(true);
  for (std::size_t gateway = 0; gateway < cast_.gateways.size(); ++gateway) {
    for (const std::string& receipt : checker_.receipts()) {
      Asked asked;
      asked.kind = Asked::Kind::poll;
      asked.receipt = receipt;
      ask_about(gateway, receipt, "/v1/requests/" + receipt, asked);
    }
    for (const auto& [id, rows] : context_.database.campaigns()) {
      Asked asked;
      asked.kind = Asked::Kind::campaign;
      asked.campaign = id;
      const std::string name = std::to_string(id.value);
      ask_about(gateway, "campaign " + name, "/v1/campaigns/" + name, asked);
    }
  }
}

void Aftermath::ask_about(std::size_t gateway, const std::string& what, const std::string& path, const Asked& asked) {
  constexpr std::int64_t patience_us = 5'000'000;
  workload_.ask(
      *cast_.gateways[gateway], {ports::HttpMethod::get, path, "", {}}, asked, patience_us,
      [this, gateway, what, campaign = asked.campaign](const Told& told) { answered(gateway, what, campaign, told); });
}

void Aftermath::answered(std::size_t gateway, const std::string& what, CampaignId campaign, const Told& told) {
  if (told.status != 200 || told.state == "waiting") return;
  const auto answer_of = [&](std::int64_t stock, std::int64_t issued) {
    if (campaign.value == 0) return told.state + " " + told.reason + " " + told.code;
    return std::to_string(issued) + " issued of " + std::to_string(stock);
  };
  const std::string answer = answer_of(told.stock, told.issued);
  const auto [found, first] = answers_.emplace(std::pair{gateway, what}, answer);
  // A dead letter whose replay this gateway learns of only now; a campaign whose counters it had missed.
  bool learned = found->second.starts_with("failed ") && told.state != "failed";
  if (const sim::CampaignRows* rows = context_.database.find(campaign)) {
    const issuance::Campaign& newest = rows->row.campaign;
    learned = answer == answer_of(newest.terms.stock, newest.issued);
  }
  if (first || learned || found->second == answer) return;
  context_.violate("results that came again changed what " + cast_.gateways[gateway]->name() + " tells of " + what +
                   ": " + found->second + " became " + answer);
}

// ---- a log that loses records ----

void Aftermath::append_others(Partition partition, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const CampaignId campaign = workload_.any_campaign(partition);
    const std::string value =
        wire::encode_request(context_.random.next_u32(), campaign, workload_.any_user(), "another life");
    context_.broker.append(ports::Topic::requests, partition, std::to_string(campaign.value), value);
  }
}

void Aftermath::lose(Fault fault, Partition partition, Offset next) {
  sim::Random& random = context_.random;
  constexpr auto requests = ports::Topic::requests;
  context_.coverage.count(fault);
  context_.trace("nemesis", [&] { return std::string(name_of(fault)) + " " + std::to_string(partition.value); });
  if (fault == Fault::log_outlived) {
    const std::int64_t lost = random.between(1, 4);
    append_others(partition, lost + random.between(0, 2));
    return context_.broker.expire(requests, partition, next + lost);
  }
  // The loss of a single record is the hardest to see.
  const std::int64_t lost = random.chance(500) ? 1 : random.between(1, next.value);
  context_.broker.truncate(requests, partition, next + -lost);
  if (fault == Fault::log_truncated) return;
  const std::int64_t left = context_.broker.bounds(requests, partition).end.value;
  append_others(partition, next.value - left + random.between(0, 3));
}

bool Aftermath::lose_a_log() {
  std::vector<std::pair<Partition, Offset>> candidates;
  for (const auto& [partition, rows] : context_.database.partitions()) {
    if (rows.next_offset.value > 0) candidates.emplace_back(partition, rows.next_offset);
  }
  if (candidates.empty()) return false;
  constexpr Fault losses[] = {Fault::log_truncated, Fault::log_recreated, Fault::log_outlived};
  const auto [partition, next] = candidates[context_.random.below(candidates.size())];
  for (auto& issuer : cast_.issuers) issuer->crash();
  lose(losses[context_.random.below(std::size(losses))], partition, next);
  checker_.lost_log(partition);
  for (auto& issuer : cast_.issuers) {
    issuer->start();
    cast_.issuer_group->rejoined(*issuer);
  }
  return true;
}

}  // namespace openrun::simulation
