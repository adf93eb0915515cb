// How much of everything an open run needs, from what a request was measured to cost. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "cli/front/text_table.hpp"

namespace openrun::cli {

// docs/performance.md, "Measured": CPU per waited coupon at 1,024 connections, and one partition from a full log to
// durable commit. A test holds these to that page. Microseconds of one core of the machine that was measured; the
// relay's are rounded up.
struct MeasuredCosts {
  double gateway_us = 14;
  double issuer_us = 4;
  double kafka_us = 5;
  double postgres_us = 8;
  double relay_us = 1;
  double partition_per_second_max = 138'051;
  double window_bytes = 24;  // of a gateway's memory for each request that it knows the outcome of
};

struct OpenRun {
  std::uint64_t users = 0;      // at least 1
  double seconds = 10;          // in which they come; above 0
  double clicks = 1;            // requests that a user sends; at least 1
  std::uint32_t campaigns = 1;  // that open at once and share the users evenly; at least 1
  double use_max = 0.6;         // of a core and of a partition; what is left is for peaks; above 0, at most 1
  double speed = 1;             // of a core, beside that of the machine that was measured; above 0
  std::uint32_t threads = 1;    // gateway.threads
};

struct CapacityPlan {
  double requests = 0;
  double arrivals_per_second = 0;  // at all gateways
  double decided_per_second = 0;   // in all partitions; less than the arrivals where a campaign alone is too much
  std::uint64_t partitions = 0;
  double queue_max = 0;      // requests that wait when the last user has come
  double last_answer_s = 0;  // how long after the last user has come the last request is decided
  // Cores that are busy at `use_max`; the machine's own work and the load balancer come on top.
  double gateway_cores = 0;
  double issuer_cores = 0;
  double kafka_cores = 0;
  double postgres_cores = 0;
  double relay_cores = 0;
  // Processes, with one more than is needed wherever one may fail.
  std::uint64_t gateways = 0;
  std::uint64_t issuers = 0;
  std::uint64_t relays = 0;
  double connections_per_gateway = 0;  // if everybody waits on a connection of its own until the end
  double window_bytes = 0;             // in each gateway
};

// Every request is counted as if it entered the log and cost as much as a coupon: an upper bound, since a gateway
// refuses at once what it knows to be sold out.
[[nodiscard]] CapacityPlan plan_capacity(const OpenRun& run, const MeasuredCosts& costs = {});

[[nodiscard]] std::string capacity_text(const OpenRun& run, const CapacityPlan& plan, const PrintStyle& style);
[[nodiscard]] std::string capacity_json(const OpenRun& run, const CapacityPlan& plan);

}  // namespace openrun::cli
