// load: the load generator with live progress and a verdict.
#include <cstdio>
#include <iostream>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/load/load.hpp>
#include <openrun/runtime/runtime.hpp>

#include "cli/context.hpp"

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
    const HttpAnswer answer = call(context, "POST", "/v1/campaigns", body);
    if (answer.status != 201)
      throw CommandFailed{found_wrong, "the campaign was accepted but is not decided yet; try again"};
    arguments.campaigns.push_back(static_cast<std::uint32_t>(std::stoul(text_of(answer.json, "id"))));
  }
}

// What was promised, read from the gateway before the run; `all_wanted` where nothing was issued yet and every user
// asks.
load::Expectation expectation_of(const Context& context, const Arguments& arguments) {
  load::Expectation expectation;
  expectation.users_per_campaign = arguments.options.users / arguments.campaigns.size();
  expectation.all_wanted = arguments.options.users % arguments.campaigns.size() == 0 && arguments.send_s <= 0 &&
                           arguments.options.mode != load::Mode::submit;
  for (const std::uint32_t id : arguments.campaigns) {
    const HttpAnswer answer = call(context, "GET", "/v1/campaigns/" + std::to_string(id));
    expectation.stock[id] = std::stoull(text_of(answer.json, "stock"));
    expectation.starts_at[id] = text_of(answer.json, "starts_at");
    if (text_of(answer.json, "issued") != "0") expectation.all_wanted = false;
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
  for (const std::uint32_t id : arguments.campaigns) {
    const HttpAnswer answer = call(context, "GET", "/v1/campaigns/" + std::to_string(id));
    const std::uint64_t issued = std::stoull(text_of(answer.json, "issued"));
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

void print_latency(const char* name, const load::Histogram& histogram) {
  if (histogram.count() == 0) return;
  const auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1'000; };
  std::printf("%-22s mean %8.2f  p50 %8.2f  p90 %8.2f  p99 %8.2f  p99.9 %8.2f  max %8.2f ms\n", name,
              histogram.mean_us() / 1'000, ms(histogram.percentile_us(50)), ms(histogram.percentile_us(90)),
              ms(histogram.percentile_us(99)), ms(histogram.percentile_us(99.9)), ms(histogram.max_us()));
}

void print_text(const load::Report& report, const std::vector<load::Check>& checks) {
  std::printf("\n%llu requests in %.2f s: %.0f decided a second\n", static_cast<unsigned long long>(report.sent),
              report.send_seconds, static_cast<double>(report.decided_us.count()) / report.send_seconds);
  for (const auto& [outcome, count] : report.outcomes) {
    std::printf("  %-20s %llu\n", outcome.c_str(), static_cast<unsigned long long>(count));
  }
  if (report.gave_up > 0) std::printf("  %-20s %llu\n", "no answer", static_cast<unsigned long long>(report.gave_up));
  if (report.retried > 0) std::printf("  %-20s %llu\n", "retried", static_cast<unsigned long long>(report.retried));
  print_latency("until the receipt", report.accepted_us);
  print_latency("until the outcome", report.decided_us);
  print_latency("read again", report.reread_us);
  bool exact = true;
  for (const load::Check& check : checks) {
    std::printf("  %s %s\n", check.ok ? "ok   " : "WRONG", check.text.c_str());
    exact = exact && check.ok;
  }
  std::printf("verdict: %s\n", exact ? "exact" : "NOT EXACT");
}

void write_histogram(wire::JsonWriter& writer, const char* name, const load::Histogram& histogram) {
  writer.key(name).begin_object().key("count").number(static_cast<std::int64_t>(histogram.count()));
  writer.key("mean").number(histogram.mean_us());
  writer.key("p50").number(histogram.percentile_us(50)).key("p90").number(histogram.percentile_us(90));
  writer.key("p99").number(histogram.percentile_us(99)).key("p999").number(histogram.percentile_us(99.9));
  writer.key("max").number(histogram.max_us()).end_object();
}

void print_json(const load::Report& report, const std::vector<load::Check>& checks,
                const std::vector<std::uint32_t>& campaigns) {
  std::string out;
  wire::JsonWriter writer(out);
  const auto count = [&](const char* name, std::uint64_t n) { writer.key(name).number(static_cast<std::int64_t>(n)); };
  bool exact = true;
  for (const load::Check& check : checks) exact = exact && check.ok;
  writer.begin_object().key("exact").boolean(exact).key("seconds").number(report.seconds);
  writer.key("send_seconds").number(report.send_seconds);
  writer.key("decided_per_second").number(static_cast<double>(report.decided_us.count()) / report.send_seconds);
  count("sent", report.sent);
  count("accepted", report.accepted);
  count("undecided", report.undecided);
  count("gave_up", report.gave_up);
  count("retried", report.retried);
  count("transport_errors", report.transport_errors);
  count("changed", report.changed);
  writer.key("campaigns").begin_array();
  for (const std::uint32_t id : campaigns) writer.number(static_cast<std::int64_t>(id));
  writer.end_array().key("outcomes").begin_object();
  for (const auto& [outcome, n] : report.outcomes) count(outcome.c_str(), n);
  writer.end_object().key("statuses").begin_object();
  for (const auto& [status, n] : report.statuses) count(std::to_string(status).c_str(), n);
  writer.end_object();
  write_histogram(writer, "accepted_us", report.accepted_us);
  write_histogram(writer, "decided_us", report.decided_us);
  write_histogram(writer, "reread_us", report.reread_us);
  writer.key("checks").begin_array();
  for (const load::Check& check : checks)
    writer.begin_object().key("ok").boolean(check.ok).key("text").string(check.text).end_object();
  writer.end_array().end_object();
  std::cout << out << "\n";
}

void run(Context& context, Arguments& arguments) {
  if (arguments.urls.empty()) arguments.urls.push_back(context.url);
  for (const std::string& url : arguments.urls) {
    auto endpoint = load::parse_url(url);
    if (!endpoint) throw CommandFailed{usage_error, endpoint.error().message};
    arguments.options.endpoints.push_back(*endpoint);
  }
  if (arguments.create_stock >= 0) create_campaigns(context, arguments);
  if (arguments.campaigns.empty())
    throw CommandFailed{usage_error, "name a campaign with --campaign ID, or make one with --create STOCK"};
  load::Options& options = arguments.options;
  options.campaigns = arguments.campaigns;
  options.mode = mode_of(arguments.mode);
  options.clicks = arguments.double_click ? 2 : options.clicks;
  options.duration_ms_max = static_cast<std::int64_t>(arguments.duration_s * 1'000);
  options.send_ms_max = static_cast<std::int64_t>(arguments.send_s * 1'000);
  if (!context.json && ::isatty(2) == 1) options.progress = show_progress;
  const load::Expectation expectation = expectation_of(context, arguments);
  if (arguments.at_start) options.start_at_ms = start_of(expectation);
  const load::Report report = value_or_fail(load::run(options));
  const std::vector<load::Check> checks = all_checks(context, arguments, report, expectation);
  context.json ? print_json(report, checks, arguments.campaigns) : print_text(report, checks);
  for (const load::Check& check : checks) {
    if (!check.ok) context.exit_code = found_wrong;
  }
}

}  // namespace

void add_load_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("load", "Thousands of users who press one button; ends with an exactness verdict");
  auto arguments = std::make_shared<Arguments>();
  load::Options& options = arguments->options;
  command->add_option("--url", arguments->urls, "Gateways, in turn (default: OPENRUN_URL)");
  command->add_option("--campaign", arguments->campaigns, "Campaigns, users in turn");
  command->add_option("--create", arguments->create_stock, "Make a campaign with that stock first");
  command->add_option("--campaigns", arguments->create_campaigns, "How many to make")->check(CLI::Range(1, 10'000));
  command->add_option("--opens-in", arguments->opens_in_s, "Seconds until the made campaigns open");
  command->add_flag("--at-start", arguments->at_start, "Begin at the campaign's opening, on the wall clock");
  command->add_option("--users", options.users, "How many users there are")->check(CLI::Range(1, 100'000'000));
  command->add_flag("--double-click", arguments->double_click, "Every user sends two requests at once");
  command->add_option("--connections", options.connections, "Closed loop: how many; with --rate: at most")
      ->check(CLI::Range(1, 50'000));
  command->add_option("--rate", options.rate, "Requests a second, whatever the answers do (0: closed loop)");
  command->add_flag("--poisson", options.poisson, "Arrivals as a Poisson process instead of evenly");
  command->add_option("--mode", arguments->mode, "waited, poll, short-poll or submit")
      ->check(CLI::IsMember({"waited", "poll", "short-poll", "submit"}));
  command->add_option("--wait", options.wait_s, "Prefer: wait=N, seconds")->check(CLI::Range(1, 30));
  command->add_option("--duration", arguments->duration_s, "End after that many seconds, whatever is open");
  command->add_option("--send-for", arguments->send_s,
                      "Send new requests for that many seconds, then wait for the open ones");
  command->add_option("--retries", options.retries_max,
                      "How often a user tries again after 429, 503 or a broken connection");
  command->add_flag("--reread", options.reread, "Read every receipt again at the end and compare");
  command->add_flag("--check-codes", arguments->check_codes, "Decrypt every code (needs the key file)");
  command->add_option("--user-prefix", options.user_prefix, "User ids are this and a number");
  command->callback([&context, arguments] { run(context, *arguments); });
}

}  // namespace openrun::cli
