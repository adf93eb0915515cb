// coupon, user, request, dispatch: what support and operators ask a gateway.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "cli/front/views.hpp"
#include "cli/gateway_call.hpp"

namespace openrun::cli {
namespace {

struct Arguments {
  std::uint32_t campaign = 0;
  std::uint64_t after = 0;
  std::uint32_t limit = 100;
  std::string code;
  std::string user;
  std::string receipt;
  std::string key;
  std::int64_t per_second = 0;
  int partition = -1;
};

constexpr const char* group = "Campaigns and coupons";

void print_coupons(const Context& context, const HttpAnswer& answer) {
  if (context.json) {
    std::cout << answer.body << "\n";
    return;
  }
  TextTable table = coupon_table();
  for (const wire::JsonValue& one : items_of(answer.json, "coupons")) add_coupon(table, one);
  std::cout << table.text(context.style);
  const std::string next = text_of(answer.json, "next_after");
  if (next != "-") std::cout << "more: add --after " << next << "\n";
}

void list(const Context& context, const Arguments& arguments) {
  const std::string path = "/v1/campaigns/" + std::to_string(arguments.campaign) +
                           "/coupons?after=" + std::to_string(arguments.after) +
                           "&limit=" + std::to_string(arguments.limit);
  print_coupons(context, call(context, {.method = "GET", .path = path}));
}

void print_coupon(const Context& context, const HttpAnswer& answer) {
  std::cout << (context.json ? answer.body + "\n" : coupon_fields(answer.json, context.style));
}

void show(const Context& context, const Arguments& arguments) {
  print_coupon(context, call(context, {.method = "GET", .path = "/v1/coupons/" + escaped(arguments.code)}));
}

void redeem(const Context& context, const Arguments& arguments) {
  std::string body;
  wire::JsonWriter json(body);
  if (!arguments.user.empty()) json.begin_object().key("user_id").string(arguments.user).end_object();
  print_coupon(context, call(context, {"POST", "/v1/coupons/" + escaped(arguments.code) + "/redeem", body,
                                       arguments.key.empty() ? new_key() : arguments.key}));
}

void user_coupons(const Context& context, const Arguments& arguments) {
  print_coupons(context, call(context, {.method = "GET", .path = "/v1/users/" + escaped(arguments.user) + "/coupons"}));
}

void show_request(const Context& context, const Arguments& arguments) {
  const HttpAnswer answer = call(context, {.method = "GET", .path = "/v1/requests/" + escaped(arguments.receipt)});
  std::cout << (context.json ? answer.body + "\n" : request_fields(answer.json, context.style));
}

void dispatch(const Context& context, const Arguments& arguments, bool is_change) {
  HttpCall wanted{.method = "GET", .path = "/v1/dispatch"};
  if (is_change) {
    wanted.method = "PUT";
    wire::JsonWriter json(wanted.body);
    json.begin_object().key("per_second").number(arguments.per_second);
    if (arguments.partition >= 0) json.key("partition").number(arguments.partition);
    json.end_object();
  } else if (arguments.partition >= 0) {
    throw CommandFailed{usage_error, "--partition says whose limit is set: give the limit too"};
  }
  const HttpAnswer answer = call(context, wanted);
  std::cout << (context.json ? answer.body + "\n" : dispatch_text(answer.json, context.style));
}

void add_code(CLI::App& command, Arguments& arguments) {
  command.add_option("CODE", arguments.code, "The coupon's code, as its owner wrote it")->required()->type_name("CODE");
}

void add_coupon_group(CLI::App& app, Context& context) {
  auto* coupon = app.add_subcommand("coupon", "Look at coupons and redeem them")->require_subcommand(1)->group(group);
  auto arguments = std::make_shared<Arguments>();

  auto* listed = coupon->add_subcommand("list", "List a campaign's coupons in the order of their sequences");
  listed->add_option("CAMPAIGN", arguments->campaign, "The campaign's id")
      ->required()
      ->type_name("CAMPAIGN")
      ->check(CLI::Range(1U, 2'147'483'647U));
  listed->add_option("--after", arguments->after, "Those behind that sequence")->type_name("SEQUENCE");
  listed->add_option("--limit", arguments->limit, "How many at once")
      ->type_name("COUNT")
      ->check(CLI::Range(1U, 1'000U));
  on_run(*listed, context, [&context, arguments] { list(context, *arguments); });

  auto* shown = coupon->add_subcommand("show", "Show the coupon with that code: whose it is, and whether it was used");
  add_code(*shown, *arguments);
  on_run(*shown, context, [&context, arguments] { show(context, *arguments); });

  auto* redeemed = coupon->add_subcommand("redeem", "Redeem a coupon: it can be used once");
  add_code(*redeemed, *arguments);
  redeemed->add_option("--user", arguments->user, "Only where it belongs to that user (default: whosever it is)")
      ->type_name("USER");
  redeemed
      ->add_option("--idempotency-key", arguments->key,
                   "Redeemed by the same key before is no error (default: a new one)")
      ->type_name("KEY");
  on_run(*redeemed, context, [&context, arguments] { redeem(context, *arguments); });
  for (CLI::App* one : {listed, shown, redeemed}) one->group("Commands");
}

}  // namespace

void add_coupon_commands(CLI::App& app, Context& context) {
  add_coupon_group(app, context);
  auto arguments = std::make_shared<Arguments>();

  auto* user = app.add_subcommand("user", "What a user holds")->require_subcommand(1)->group(group);
  auto* held = user->add_subcommand("coupons", "List a user's coupons, the newest first")->group("Commands");
  held->add_option("USER", arguments->user, "The user's id")->required()->type_name("USER");
  on_run(*held, context, [&context, arguments] { user_coupons(context, *arguments); });

  auto* request = app.add_subcommand("request", "What became of a receipt")->require_subcommand(1)->group(group);
  auto* shown = request->add_subcommand("show", "Show the position or the outcome of a receipt")->group("Commands");
  shown->add_option("RECEIPT", arguments->receipt, "As its holder was given it")->required()->type_name("RECEIPT");
  on_run(*shown, context, [&context, arguments] { show_request(context, *arguments); });

  auto* limited =
      app.add_subcommand("dispatch", "Show or set how many requests of a partition are decided a second")->group(group);
  auto* rate = limited->add_option("PER_SECOND", arguments->per_second, "The new limit; 0: no limit; absent: only show")
                   ->type_name("COUNT")
                   ->check(CLI::Range(0, 2'147'483'647))
                   ->default_str("");
  limited->add_option("--partition", arguments->partition, "Of one partition only")
      ->type_name("PARTITION")
      ->check(CLI::Range(0, 2'147'483'647))
      ->default_str("");
  on_run(*limited, context, [&context, arguments, rate] { dispatch(context, *arguments, rate->count() > 0); });
}

}  // namespace openrun::cli
