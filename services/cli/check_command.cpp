// check: the list before an event, as far as a program can look at it.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include <openrun/base/limits.hpp>

#include "cli/check/gather.hpp"
#include "cli/check/judge.hpp"
#include "cli/check/print.hpp"
#include "cli/context.hpp"

namespace openrun::cli {
namespace {

struct Arguments {
  std::vector<std::uint32_t> campaigns;
  std::uint32_t issuers = 0;
};

void run(Context& context, const Arguments& arguments, const CLI::Option& gateways) {
  check::Asked asked;
  asked.gateways = gateways.results();
  if (asked.gateways.empty()) asked.gateways.push_back(context.url);
  for (const std::uint32_t id : arguments.campaigns) asked.campaigns.emplace_back(id);
  if (arguments.issuers > 0) asked.issuers = arguments.issuers;
  const check::Findings findings = check::judge(check::gather(context, std::move(asked)));
  std::cout << (context.json ? check::as_json(findings) : check::as_text(findings, context.style));
  if (!check::is_ok(findings)) context.exit_code = found_wrong;
}

}  // namespace

void add_check_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("check", "Look at everything that must be right before an event; changes nothing")
                      ->group("Setting up and trying");
  command->add_option("--campaign", arguments->campaigns, "Which campaigns open then")
      ->type_name("CAMPAIGN")
      ->check(CLI::Range(1U, limits::campaign_id_max));
  command->add_option("--issuers", arguments->issuers, "How many issuers there should be, standbys included")
      ->type_name("COUNT")
      ->check(CLI::Range(1U, 10'000U))
      ->default_str("");
  const CLI::Option& gateways = *app.get_option("--gateway");
  on_run(*command, context, [&context, arguments, &gateways] { run(context, *arguments, gateways); });
}

}  // namespace openrun::cli
