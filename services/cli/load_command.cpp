// load: the load generator with live progress and a verdict.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/load/load.hpp>
#include <openrun/runtime/runtime.hpp>

#include "cli/context.hpp"
#include "cli/gateway_call.hpp"
#include "cli/load_report.hpp"

namespace openrun::cli {
namespace {

struct Arguments {
  std::vector<std::string> urls;
  std::vector<std::uint32_t> campaigns;
  std::int64_t create_stock = -1;
  unsigned create_campaigns = 1;
  double opens_in_s = 0;
  bool at_start = false;
  bool double_click = false;
  bool check_codes = false;
  std::string mode = "waited";
  double duration_s = 600;
  double send_s = 0;
  double patience_s = 0;
  double warmup_s = 0;
  std::string tokens_file;
  std::string report_file;
  std::vector<std::string> processes;
  load::Options options;
};

load::Mode mode_of(const std::string& name) {
  if (name == "poll") return load::Mode::poll;
  if (name == "short-poll") return load::Mode::short_poll;
  if (name == "submit") return load::Mode::submit;
  return load::Mode::waited;
}

void create_campaigns(const Context& context, Arguments& arguments) {
  const std::int64_t opens_ms =
      runtime::SystemClock{}.now().value + static_cast<std::int64_t>(arguments.opens_in_s * 1'000);
  for (unsigned i = 0; i < arguments.create_campaigns; ++i) {
    const std::string body = "{\"name\":\"load\",\"stock\":" + std::to_string(arguments.create_stock) +
                             ",\"starts_at\":\"" + wire::format_time(opens_ms) + "\"}";
    const HttpAnswer answer =
        call(context, {.method = "POST", .path = "/v1/campaigns", .body = body, .idempotency_key = new_key()});
    if (answer.status != 201)
      throw CommandFailed{found_wrong, "the campaign was accepted but is not decided yet; try again"};
    arguments.campaigns.push_back(static_cast<std::uint32_t>(std::stoul(text_of(answer.json, "id"))));
  }
}

// Each campaign as the gateway tells it. Where that takes fewer calls, by pages of all campaigns: thousands of them
// would cost the gateway as much as their users do.
std::map<std::uint32_t, wire::JsonValue> told_campaigns(const Context& context, const Arguments& arguments) {
  constexpr std::uint32_t page = 500;
  std::map<std::uint32_t, wire::JsonValue> told;
  const auto [first, last] = std::ranges::minmax(arguments.campaigns);
  if ((last - first) / page + 1 < arguments.campaigns.size()) {
    const std::set<std::uint32_t> wanted(arguments.campaigns.begin(), arguments.campaigns.end());
    for (std::string after = std::to_string(first - 1); after != "-" && std::stoul(after) < last;) {
      const HttpAnswer answer =
          call(context, {.method = "GET", .path = "/v1/campaigns?limit=" + std::to_string(page) + "&after=" + after});
      for (const wire::JsonValue& campaign : items_of(answer.json, "campaigns")) {
        const auto id = static_cast<std::uint32_t>(std::stoul(text_of(campaign, "id")));
        if (wanted.contains(id)) told.emplace(id, campaign);
      }
      after = text_of(answer.json, "next_after");
    }
  }
  for (const std::uint32_t id : arguments.campaigns) {
    if (told.contains(id)) continue;
    told.emplace(id, call(context, {.method = "GET", .path = "/v1/campaigns/" + std::to_string(id)}).json);
  }
  return told;
}

// What was promised, read from the gateway before the run; `all_wanted` where nothing was issued yet and every user
// asks.
load::Expectation expectation_of(const Context& context, const Arguments& arguments) {
  load::Expectation expectation;
  expectation.users_per_campaign = arguments.options.users / arguments.campaigns.size();
  expectation.all_wanted = arguments.options.users % arguments.campaigns.size() == 0 && arguments.send_s <= 0 &&
                           arguments.options.mode != load::Mode::submit;
  for (const auto& [id, campaign] : told_campaigns(context, arguments)) {
    expectation.stock[id] = std::stoull(text_of(campaign, "stock"));
    expectation.starts_at[id] = text_of(campaign, "starts_at");
    if (text_of(campaign, "issued") != "0") expectation.all_wanted = false;
  }
  return expectation;
}

std::int64_t start_of(const load::Expectation& expectation) {
  std::int64_t latest = 0;
  for (const auto& [id, text] : expectation.starts_at) latest = std::max(latest, value_or_fail(wire::parse_time(text)));
  return latest;
}

void show_progress(const load::Progress& progress) {
  std::fprintf(stderr, "\r%6.1f s  sent %llu  decided %llu  issued %llu  open %llu  failed %llu   ", progress.seconds,
               static_cast<unsigned long long>(progress.sent), static_cast<unsigned long long>(progress.decided),
               static_cast<unsigned long long>(progress.issued), static_cast<unsigned long long>(progress.open),
               static_cast<unsigned long long>(progress.failed));
}

std::vector<load::Check> all_checks(const Context& context, const Arguments& arguments, const load::Report& report,
                                    const load::Expectation& expectation) {
  std::vector<load::Check> checks = load::verdict(report, expectation);
  for (const auto& [id, campaign] : told_campaigns(context, arguments)) {
    const std::uint64_t issued = std::stoull(text_of(campaign, "issued"));
    checks.push_back({issued <= expectation.stock.at(id),
                      "campaign " + std::to_string(id) + ": the gateway says " + std::to_string(issued) + " issued"});
  }
  if (arguments.check_codes) {
    const crypto::CouponCodes codes(context.keys().code_key);
    std::uint64_t wrong = 0;
    for (const load::Winner& winner : report.winners) {
      const auto key = codes.decode(winner.code);
      wrong += key && key->campaign.value == winner.campaign && key->sequence.value == winner.sequence ? 0 : 1;
    }
    checks.push_back({wrong == 0, "every code decrypts to its campaign and sequence"});
  }
  return checks;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw CommandFailed{usage_error, "cannot read the tokens in " + file};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<load::NamedProcess> processes_of(const Arguments& arguments) {
  auto processes = load::parse_processes(arguments.processes);
  if (!processes) throw CommandFailed{usage_error, "--cpu: " + processes.error().message};
  for (load::NamedProcess& process : *processes) process.name = printable(process.name);
  return std::move(*processes);
}

load::RunFacts facts_of(const Arguments& arguments) {
  const load::Options& options = arguments.options;
  load::RunFacts facts = facts_of_this_process();
  const auto add = [&](const char* name, const std::string& value) { facts.settings.emplace_back(name, value); };
  for (const std::string& url : arguments.urls) add("url", url);
  add("mode", arguments.mode);
  add("users", std::to_string(options.users));
  add("requests a user", std::to_string(options.clicks));
  add("campaigns", std::to_string(options.campaigns.size()));
  add("connections", std::to_string(options.connections));
  if (!options.keep_alive) add("keep-alive", "none: a connection for each request");
  add("arrivals", options.rate <= 0
                      ? "closed loop"
                      : std::to_string(options.rate) + " a second, " + (options.poisson ? "Poisson" : "even"));
  add("warm-up, s", std::to_string(arguments.warmup_s));
  add("bearer tokens", arguments.tokens_file.empty() ? "none" : "one a user");
  return facts;
}

void run(Context& context, Arguments& arguments) {
  if (arguments.urls.empty()) arguments.urls.push_back(context.url);
  for (const std::string& url : arguments.urls) {
    auto endpoint = load::parse_url(url);
    if (!endpoint) throw CommandFailed{usage_error, endpoint.error().message};
    arguments.options.endpoints.push_back(*endpoint);
  }
  arguments.options.processes = processes_of(arguments);
  if (arguments.create_stock >= 0) create_campaigns(context, arguments);
  if (arguments.campaigns.empty())
    throw CommandFailed{usage_error, "name a campaign with --campaign ID, or make one with --create STOCK"};
  load::Options& options = arguments.options;
  options.campaigns = arguments.campaigns;
  options.mode = mode_of(arguments.mode);
  options.clicks = arguments.double_click ? 2 : options.clicks;
  options.duration_ms_max = static_cast<std::int64_t>(arguments.duration_s * 1'000);
  options.send_ms_max = static_cast<std::int64_t>(arguments.send_s * 1'000);
  options.patience_ms_max = static_cast<std::int64_t>(arguments.patience_s * 1'000);
  options.warmup_ms = static_cast<std::int64_t>(arguments.warmup_s * 1'000);
  if (!arguments.tokens_file.empty()) options.tokens = lines_of(arguments.tokens_file);
  if (!context.json && ::isatty(2) == 1) options.progress = show_progress;
  const load::Expectation expectation = expectation_of(context, arguments);
  if (arguments.at_start) options.start_at_ms = start_of(expectation);
  const load::RunFacts facts = facts_of(arguments);
  const load::Report report = value_or_fail(load::run(options));
  const std::vector<load::Check> checks = all_checks(context, arguments, report, expectation);
  context.json ? print_load_json(report, checks, arguments.campaigns, facts) : print_load_text(report, checks);
  if (!arguments.report_file.empty()) write_load_page(arguments.report_file, report, checks, facts);
  for (const load::Check& check : checks) {
    if (!check.ok) context.exit_code = found_wrong;
  }
}

}  // namespace

void add_load_command(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("load", "Be thousands of users who press one button, and say whether all was exact")
          ->group("Setting up and trying");
  auto arguments = std::make_shared<Arguments>();
  load::Options& options = arguments->options;
  const auto add = [&](const char* name, auto& value, const char* text, const char* value_name) {
    return command->add_option(name, value, text)->type_name(value_name);
  };
  add("--url", arguments->urls, "Gateways, in turn (default: the one of --gateway)", "URL");
  add("--campaign", arguments->campaigns, "Campaigns, users in turn", "CAMPAIGN");
  add("--create", arguments->create_stock, "Make a campaign with that stock first", "COUNT")->default_str("");
  add("--campaigns", arguments->create_campaigns, "How many to make", "COUNT")->check(CLI::Range(1, 10'000));
  add("--opens-in", arguments->opens_in_s, "When the made campaigns open, from now", "SECONDS");
  command->add_flag("--at-start", arguments->at_start, "Begin at the campaign's opening, on the wall clock");
  add("--users", options.users, "How many users there are", "COUNT")->check(CLI::Range(1, 100'000'000));
  command->add_flag("--double-click", arguments->double_click, "Every user sends two requests at once");
  add("--connections", options.connections, "Closed loop: how many; with --rate: at most", "COUNT")
      ->check(CLI::Range(1, 50'000));
  command->add_flag("--no-keep-alive{false}", options.keep_alive, "Each request on a connection of its own");
  add("--rate", options.rate, "Requests a second, whatever the answers do; 0: closed loop", "COUNT");
  command->add_flag("--poisson", options.poisson, "Arrivals as a Poisson process instead of evenly");
  add("--mode", arguments->mode, "How a user learns the outcome", "MODE")
      ->check(CLI::IsMember({"waited", "poll", "short-poll", "submit"}));
  add("--wait", options.wait_s, "Prefer: wait=N of waited requests", "SECONDS")->check(CLI::Range(1, 30));
  add("--duration", arguments->duration_s, "End after that time, whatever is open", "SECONDS");
  add("--send-for", arguments->send_s, "Send new requests for that long, then wait for the open ones; 0: all users",
      "SECONDS");
  add("--patience", arguments->patience_s, "A user who finds no free connection for that long gives up; 0: never",
      "SECONDS");
  add("--warmup", arguments->warmup_s, "What is begun in that time counts for exactness, not for rates and latencies",
      "SECONDS");
  add("--tokens", arguments->tokens_file, "A bearer token a line, one for each user", "FILE");
  add("--report", arguments->report_file, "Also write a page with plots that loads nothing", "FILE");
  add("--cpu", arguments->processes,
      "Measure the CPU of a process and of all that it has started; one name may have several (Linux)", "NAME=PID");
  add("--retries", options.retries_max, "How often a user tries again after 429, 503 or a broken connection", "COUNT");
  command->add_flag("--reread", options.reread, "Read every receipt again at the end and compare");
  command->add_flag("--check-codes", arguments->check_codes, "Decrypt every code (needs the key file)");
  add("--user-prefix", options.user_prefix, "User ids are this and a number", "TEXT");
  on_run(*command, context, [&context, arguments] { run(context, *arguments); });
}

}  // namespace openrun::cli
