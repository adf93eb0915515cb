// plan: what an open run needs, before there is one.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/capacity.hpp"
#include "cli/context.hpp"

namespace openrun::cli {

void add_plan_command(CLI::App& app, Context& context) {
  auto run = std::make_shared<OpenRun>();
  auto* command = app.add_subcommand("plan", "Say how many partitions, gateways and cores an open run needs")
                      ->group("Setting up and trying");
  const auto add = [&](const char* name, auto& value, const char* text, const char* value_name) {
    return command->add_option(name, value, text)->type_name(value_name);
  };
  add("--users", run->users, "How many come", "COUNT")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000'000}));
  add("--seconds", run->seconds, "In how many seconds they come", "SECONDS")->check(CLI::Range(0.1, 86'400.0));
  add("--clicks", run->clicks, "How many requests a user sends", "COUNT")->check(CLI::Range(1.0, 100.0));
  add("--campaigns", run->campaigns, "How many open at once; each lives in one partition", "COUNT")
      ->check(CLI::Range(1U, 1'000'000U));
  add("--use", run->use_max, "How much of a core and of a partition may be used", "SHARE")
      ->check(CLI::Range(0.05, 1.0));
  add("--speed", run->speed, "How fast a core is, beside the one in docs/performance.md", "FACTOR")
      ->check(CLI::Range(0.1, 100.0));
  add("--gateway-threads", run->threads, "gateway.threads", "COUNT")->check(CLI::Range(1U, 256U));
  on_run(*command, context, [&context, run] {
    const CapacityPlan plan = plan_capacity(*run);
    std::cout << (context.json ? capacity_json(*run, plan) + "\n" : capacity_text(*run, plan, context.style));
  });
}

}  // namespace openrun::cli
