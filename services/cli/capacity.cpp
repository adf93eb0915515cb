#include "cli/capacity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <openrun/wire/json.hpp>

namespace openrun::cli {
namespace {

std::uint64_t whole(double amount) {
  return static_cast<std::uint64_t>(std::ceil(amount - 1e-9));
}

std::uint64_t count(double amount) {
  return static_cast<std::uint64_t>(std::llround(amount));
}

std::string rounded(double amount) {
  return grouped(count(amount));
}

std::string tenths(double amount) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", std::ceil(amount * 10 - 1e-9) / 10);
  return text.data();
}

}  // namespace

CapacityPlan plan_capacity(const OpenRun& run, const MeasuredCosts& costs) {
  CapacityPlan plan;
  plan.requests = static_cast<double>(run.users) * run.clicks;
  plan.arrivals_per_second = plan.requests / run.seconds;
  const double per_campaign = plan.arrivals_per_second / run.campaigns;
  const double partition_rate = costs.partition_per_second_max * run.speed * run.use_max;
  // A campaign lives in one partition, and a partition is decided by one issuer.
  const double campaigns_per_partition = std::max(1.0, std::floor(partition_rate / per_campaign));
  plan.partitions = whole(run.campaigns / campaigns_per_partition);
  const double busiest = std::min<double>(campaigns_per_partition, run.campaigns) * per_campaign;
  const double decided_share = std::min(1.0, partition_rate / busiest);
  plan.decided_per_second = plan.arrivals_per_second * decided_share;
  plan.queue_max = plan.requests * (1 - decided_share);
  plan.last_answer_s = plan.queue_max / plan.decided_per_second;

  const auto cores = [&](double rate, double cost_us) { return rate * cost_us * 1e-6 / run.speed / run.use_max; };
  plan.gateway_cores = cores(plan.arrivals_per_second, costs.gateway_us);
  plan.kafka_cores = cores(plan.arrivals_per_second, costs.kafka_us);
  plan.issuer_cores = cores(plan.decided_per_second, costs.issuer_us);
  plan.postgres_cores = cores(plan.decided_per_second, costs.postgres_us);
  plan.relay_cores = cores(plan.decided_per_second, costs.relay_us);

  plan.gateways = whole(plan.gateway_cores / run.threads) + 1;
  plan.issuers = std::min(plan.partitions, whole(plan.issuer_cores)) + 1;
  plan.relays = 2;
  plan.connections_per_gateway = plan.requests / static_cast<double>(plan.gateways - 1);
  plan.window_bytes = plan.requests * costs.window_bytes;
  return plan;
}

std::string capacity_text(const OpenRun& run, const CapacityPlan& plan, const PrintStyle& style) {
  TextTable table({{"PART"}, {"PROCESSES", Align::right}, {"CORES", Align::right}, {"WHY", Align::left, true}}, "");
  table.add({"gateway", grouped(plan.gateways), tenths(plan.gateway_cores),
             "one more than needed, each with gateway.threads " + std::to_string(run.threads)});
  table.add({"issuer", grouped(plan.issuers), tenths(plan.issuer_cores), "one of them stands by"});
  table.add({"relay", grouped(plan.relays), tenths(plan.relay_cores), "one of them stands by"});
  table.add({"Kafka", "", tenths(plan.kafka_cores), "in each replica of the partitions"});
  table.add({"Postgres", "", tenths(plan.postgres_cores), "the primary"});
  std::string out = rounded(plan.requests) + " requests in " + tenths(run.seconds) +
                    " s: " + rounded(plan.arrivals_per_second) + " a second, " + rounded(plan.decided_per_second) +
                    " of them decided\n\n" + table.text(style) + "\n";
  out += "kafka.partitions  at least " + grouped(plan.partitions) + "\n";
  if (plan.queue_max >= 1) {
    out += "queue             " + rounded(plan.queue_max) + " requests wait in the end; the last is decided " +
           tenths(plan.last_answer_s) + " s later, because a campaign has one partition\n";
  } else {
    out += "queue             none: as many are decided as come\n";
  }
  out += "connections       " + rounded(plan.connections_per_gateway) +
         " in each gateway, if one is down and everybody waits on a connection\n";
  out += "memory            " + rounded(plan.window_bytes / 1e6) + " MB of outcomes in each gateway\n";
  return out;
}

std::string capacity_json(const OpenRun& run, const CapacityPlan& plan) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("users").number(run.users).key("seconds").number(run.seconds);
  json.key("requests").number(count(plan.requests)).key("arrivals_per_second").number(plan.arrivals_per_second);
  json.key("decided_per_second").number(plan.decided_per_second).key("partitions").number(plan.partitions);
  json.key("queue_max").number(count(plan.queue_max)).key("last_answer_s").number(plan.last_answer_s);
  json.key("cores").begin_object().key("gateway").number(plan.gateway_cores).key("issuer").number(plan.issuer_cores);
  json.key("relay").number(plan.relay_cores).key("kafka").number(plan.kafka_cores);
  json.key("postgres").number(plan.postgres_cores).end_object();
  json.key("processes").begin_object().key("gateway").number(plan.gateways).key("issuer").number(plan.issuers);
  json.key("relay").number(plan.relays).end_object();
  json.key("connections_per_gateway").number(count(plan.connections_per_gateway));
  json.key("window_bytes").number(count(plan.window_bytes)).end_object();
  return out;
}

}  // namespace openrun::cli
