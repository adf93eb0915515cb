#include "cli/dlq_arguments.hpp"

#include <CLI/CLI.hpp>

#include <openrun/runtime/runtime.hpp>

#include "dlq/text.hpp"

namespace openrun::cli {

LetterFilter filter_of(const DlqArguments& arguments) {
  LetterFilter filter;
  if (arguments.partition >= 0) filter.stored.partition = Partition{static_cast<std::int32_t>(arguments.partition)};
  if (!arguments.offsets.empty()) {
    if (!filter.stored.partition)
      throw CommandFailed{usage_error, "--offsets belong to one partition: add --partition"};
    filter.stored.offsets = valid_or_usage(parse_offsets(arguments.offsets));
  }
  if (!arguments.since.empty()) {
    filter.stored.since = valid_or_usage(parse_since(arguments.since, runtime::SystemClock{}.now()));
  }
  filter.stored.reason = arguments.reason;
  if (arguments.reason.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != std::string::npos) {
    throw CommandFailed{usage_error, "--reason is a name such as UNDECODABLE or STORE_REFUSED"};
  }
  if (arguments.campaign > 0) filter.campaign = CampaignId{arguments.campaign};
  if (!arguments.state.empty()) filter.state = state_named(arguments.state);
  return filter;
}

std::string who(const DlqArguments& arguments) {
  return arguments.done_by.empty() ? operator_name() : arguments.done_by;
}

void add_filters(CLI::App& command, DlqArguments& arguments) {
  command.add_option("--partition", arguments.partition, "Of one partition")
      ->type_name("PARTITION")
      ->default_str("")
      ->check(CLI::Range(0, 2'147'483'647));
  command.add_option("--offsets", arguments.offsets, "A-B, both included; needs --partition")->type_name("OFFSETS");
  command.add_option("--since", arguments.since, "Dead since then: 2026-11-21T09:00:00Z, or 90s, 30m, 2h, 7d ago")
      ->type_name("TIME");
  command.add_option("--reason", arguments.reason, "UNDECODABLE, STORE_REFUSED, ...")->type_name("REASON");
  command.add_option("--campaign", arguments.campaign, "Whose bytes name this campaign")
      ->type_name("CAMPAIGN")
      ->default_str("")
      ->check(CLI::Range(1U, 2'147'483'647U));
}

void add_state(CLI::App& command, DlqArguments& arguments) {
  command.add_option("--state", arguments.state, "Only those")
      ->type_name("STATE")
      ->check(CLI::IsMember({"open", "replaying", "replayed", "discarded", "refused_replay"}));
}

void add_by(CLI::App& command, DlqArguments& arguments) {
  command.add_option("--by", arguments.done_by, "Who does it, for the record (default: user@host)")->type_name("WHO");
}

void add_action(CLI::App& command, DlqArguments& arguments) {
  command.add_flag("--execute", arguments.execute, "Do it; without it the plan is all that is printed");
  command.add_option("--max", arguments.letters_max, "At most so many, the oldest of each partition first")
      ->type_name("COUNT")
      ->default_str("");
  add_by(command, arguments);
}

}  // namespace openrun::cli
