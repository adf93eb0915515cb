#include "workload.hpp"

#include <algorithm>

#include <openrun/wire/json.hpp>

namespace openrun::simulation {
namespace {

using ports::HttpMethod;

const std::vector<std::pair<std::string, std::string>> admin{{"Authorization", "Bearer admin"},
                                                             {"Content-Type", "application/json"}};

std::string time_text(std::int64_t simulated_ms) {
  return wire::format_time(sim::epoch_ms + simulated_ms);
}

constexpr std::int64_t patience_us = 4'000'000;
constexpr std::int64_t command_patience_us = 12'000'000;

}  // namespace

Workload::Workload(Context& context, Checker& checker, std::vector<std::unique_ptr<GatewayNode>>& gateways)
    : context_(context), checker_(checker), gateways_(gateways) {}

GatewayNode& Workload::any_gateway() {
  return *gateways_[context_.random.below(gateways_.size())];
}

std::string Workload::any_user() {
  return "user-" + std::to_string(context_.random.below(static_cast<std::uint64_t>(context_.plan.users)));
}

CampaignId Workload::any_campaign(Partition partition) {
  std::vector<CampaignId> found;
  for (const Campaign& campaign : campaigns_) {
    if (campaign.id.value != 0 && home_partition(campaign.id, context_.plan.partitions) == partition) {
      found.push_back(campaign.id);
    }
  }
  return found.empty() ? CampaignId{1} : found[context_.random.below(found.size())];
}

void Workload::ask(GatewayNode& gateway, const HttpCall& call, const Asked& asked, std::int64_t patience,
                   GatewayNode::Answered answered) {
  const auto once = std::make_shared<bool>(false);
  Asked stamped = asked;
  stamped.sent_us = context_.scheduler.now_us();
  const auto hear = [once, answered = std::move(answered)](const Told& told) {
    if (!std::exchange(*once, true)) answered(told);
  };
  gateway.ask(call, stamped, hear);
  context_.scheduler.after(patience, [hear] { hear(Told{}); });
}

// ---- the admin ----

void Workload::begin() {
  sim::Random& random = context_.random;
  const std::int64_t workload_ms = context_.plan.workload_us / 1'000;
  for (std::int32_t i = 0; i < context_.plan.campaigns; ++i) {
    Campaign campaign;
    campaign.key = "create-" + std::to_string(i);
    campaign.stock = random.chance(100) ? 0 : random.between(1, random.chance(300) ? 4 : 40);
    campaign.starts_ms = random.chance(500) ? -60'000 : random.between(1'000, workload_ms / 2);
    if (random.chance(400)) {
      campaign.ends_ms = std::max<std::int64_t>(campaign.starts_ms, 500) + random.between(500, workload_ms);
    }
    if (random.chance(250)) campaign.max_per_user = random.between(2, 4);
    campaigns_.push_back(campaign);
    context_.scheduler.after(random.between(0, 500'000), [this, i] { create(static_cast<std::size_t>(i)); });
  }
  plan_requests();
  plan_commands();
}

void Workload::create(std::size_t index) {
  const Campaign& campaign = campaigns_[index];
  HttpCall call{HttpMethod::post, "/v1/campaigns", "", admin};
  call.headers.emplace_back("Idempotency-Key", campaign.key);
  wire::JsonWriter json(call.body);
  json.begin_object().key("name").string("Campaign").key("stock").number(campaign.stock);
  json.key("starts_at").string(time_text(campaign.starts_ms));
  if (campaign.ends_ms != 0) json.key("ends_at").string(time_text(campaign.ends_ms));
  json.key("policy").begin_object().key("max_per_user").number(campaign.max_per_user);
  json.key("code_format").string(index % 2 == 0 ? "hangul" : "latin").end_object().end_object();
  const Asked asked{Asked::Kind::command, {}, "", campaign.key, "", 0, false};
  ask(any_gateway(), call, asked, command_patience_us, [this, index](const Told& told) {
    if (told.status == 201) {
      campaigns_[index].id = CampaignId{static_cast<std::uint32_t>(told.campaign)};
      return;
    }
    if (told.status == 400 || told.status == 409) {
      return context_.violate("a campaign could not be made: " + std::to_string(told.status) + " " + told.reason);
    }
    context_.scheduler.after(context_.random.between(100'000, 800'000), [this, index] { create(index); });
  });
}

Workload::Command Workload::any_command(std::size_t campaign, std::int32_t number) {
  sim::Random& random = context_.random;
  Command order;
  order.campaign = campaign;
  // Now and then a key that was used before, for something else perhaps.
  order.key = "command-" + std::to_string(random.chance(100) ? number / 2 : number);
  const std::uint32_t choice = random.below(100);
  if (choice < 45) {
    order.path_end = "/stock";
    order.body =
        R"({"add":)" + std::to_string(random.chance(300) ? -random.between(1, 10) : random.between(1, 10)) + "}";
  } else if (choice < 60) {
    order.path_end = "/pause";
  } else if (choice < 78) {
    order.path_end = "/resume";
  } else if (choice < 82) {
    order.path_end = "/close";
  } else {
    order.method = HttpMethod::patch;
    const std::int64_t at_ms = context_.scheduler.now_us() / 1'000 + random.between(-2'000, 4'000);
    wire::JsonWriter json(order.body);
    json.begin_object().key(random.chance(500) ? "starts_at" : "ends_at").string(time_text(at_ms)).end_object();
  }
  return order;
}

void Workload::plan_commands() {
  for (std::int32_t i = 0; i < context_.plan.commands; ++i) {
    context_.scheduler.after(context_.random.between(1'000'000, context_.plan.workload_us),
                             [this, i] { command(any_command(context_.random.below(campaigns_.size()), i)); });
  }
}

void Workload::command(Command order) {
  const Campaign& campaign = campaigns_[order.campaign];
  if (campaign.id.value == 0) return;
  HttpCall call{order.method, "/v1/campaigns/" + std::to_string(campaign.id.value) + order.path_end, order.body, admin};
  call.headers.emplace_back("Idempotency-Key", order.key);
  const Asked asked{Asked::Kind::command, campaign.id, "", order.key, "", 0, false};
  ask(any_gateway(), call, asked, command_patience_us,
      [this, order](const Told& told) { command_answered(order, told); });
}

void Workload::command_answered(Command order, const Told& told) {
  const bool answered = told.status == 200 || told.status == 409;
  if (answered) {
    // The same key again gives the same answer.
    const std::string answer = told.status == 200 ? "applied" : told.reason;
    const std::string key = std::to_string(order.campaign) + " " + order.key;
    const auto [found, first] = command_answers_.emplace(key, answer);
    if (!first && found->second != answer) {
      context_.violate("the command " + order.key + " was answered " + found->second + ", and then " + answer);
    }
    if (order.method == HttpMethod::patch && told.status == 200) context_.coverage.count(Situation::rescheduled);
    if (!context_.random.chance(150)) return;
  }
  constexpr std::int32_t tries_max = 6;
  if (++order.tries > tries_max) return;
  context_.scheduler.after(context_.random.between(100'000, 1'000'000), [this, order] { command(order); });
}

// ---- the users ----

void Workload::plan_requests() {
  sim::Random& random = context_.random;
  for (std::int32_t i = 0; i < context_.plan.requests; ++i) {
    Request wish;
    wish.campaign = random.below(campaigns_.size());
    const Campaign& campaign = campaigns_[wish.campaign];
    wish.user = any_user();
    if (campaign.max_per_user > 1) wish.key = "key-" + std::to_string(random.below(6));
    std::int64_t at_us = random.between(100'000, context_.plan.workload_us);
    // Most come at the opening.
    if (campaign.starts_ms > 0 && random.chance(500)) {
      at_us = campaign.starts_ms * 1'000 + random.between(-1'500'000, 1'500'000);
    }
    // And some at the very end: on their way they take a few milliseconds.
    if (campaign.ends_ms > 0 && random.chance(120)) at_us = campaign.ends_ms * 1'000 - random.between(0, 6'000);
    context_.scheduler.after(std::max<std::int64_t>(at_us, 100'000), [this, wish] { request(wish); });
  }
}

void Workload::request(Request wish) {
  const Campaign& campaign = campaigns_[wish.campaign];
  if (campaign.id.value == 0) return;
  HttpCall call{HttpMethod::post,
                "/v1/campaigns/" + std::to_string(campaign.id.value) + "/requests",
                R"({"user_id":")" + wish.user + R"("})",
                {{"Content-Type", "application/json"}}};
  if (!wish.key.empty()) call.headers.emplace_back("Idempotency-Key", wish.key);
  const std::int64_t wait_s = context_.random.chance(400) ? context_.random.between(1, 8) : 0;
  if (wait_s > 0) call.headers.emplace_back("Prefer", "wait=" + std::to_string(wait_s));
  Asked asked{Asked::Kind::request, campaign.id, wish.user, wish.key, "", 0, false};
  asked.waits = wait_s > 0;
  ask(any_gateway(), call, asked, patience_us + wait_s * 1'000'000,
      [this, wish](const Told& told) { answered(wish, told); });
}

void Workload::answered(Request wish, const Told& told) {
  if (told.status == 400) return context_.violate("a good request was called a bad one");
  if (told.status == 0 || told.status == 503) {
    constexpr std::int32_t tries_max = 4;
    wish.again = true;
    if (++wish.tries > tries_max) return;
    context_.scheduler.after(context_.random.between(100'000, 1'200'000), [this, wish] { request(wish); });
    return;
  }
  if (wish.again && (told.state == "rejected" || told.reason == "ALREADY_ISSUED") && told.sequence > 0) {
    context_.coverage.count(Situation::asked_twice_after_a_lost_answer);
  }
  // Some never look again.
  if (told.state == "waiting" && context_.random.chance(700)) {
    poll(told.receipt, 8, std::max<std::int64_t>(told.poll_after_ms, 10) * 1'000);
  }
  // A double click.
  if (context_.random.chance(60)) request(wish);
}

void Workload::poll(const std::string& receipt, std::int32_t polls_left, std::int64_t delay_us) {
  if (polls_left == 0) return;
  context_.scheduler.after(delay_us, [this, receipt, polls_left] {
    HttpCall call{HttpMethod::get, "/v1/requests/" + receipt, "", {}};
    const std::int64_t wait_s = context_.random.chance(300) ? context_.random.between(1, 6) : 0;
    if (wait_s > 0) call.headers.emplace_back("Prefer", "wait=" + std::to_string(wait_s));
    Asked asked{Asked::Kind::poll, {}, "", "", receipt, 0, false};
    asked.waits = wait_s > 0;
    ask(any_gateway(), call, asked, patience_us + wait_s * 1'000'000, [this, receipt, polls_left](const Told& told) {
      if (told.decided()) return;
      poll(receipt, polls_left - 1, std::max<std::int64_t>(told.poll_after_ms, 300) * 1'000);
    });
  });
}

}  // namespace openrun::simulation
