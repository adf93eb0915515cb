// campaign: the gateway's admin calls for people and scripts.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <openrun/base/limits.hpp>

#include "cli/context.hpp"
#include "cli/front/views.hpp"
#include "cli/gateway_call.hpp"

namespace openrun::cli {
namespace {

constexpr std::uint32_t id_max = 2'147'483'647;

// What create and update have in common; empty and zero: not given.
struct Terms {
  std::string name;
  std::string description;
  std::string starts_at;
  std::string ends_at;
  std::int64_t discount_percent = 0;
  std::int64_t discount_amount = 0;
  std::string currency;
  std::string valid_until;
  std::string valid_for;
  std::uint32_t max_per_user = 0;
  std::string code_format;
};

struct Arguments {
  std::uint32_t id = 0;
  std::uint32_t stock = 0;
  std::int64_t add = 0;
  std::string state;
  std::string key;
  bool yes = false;
  Terms terms;

  [[nodiscard]] std::string key_or_new() const { return key.empty() ? new_key() : key; }
  [[nodiscard]] std::string path(const std::string& behind = "") const {
    return "/v1/campaigns/" + std::to_string(id) + behind;
  }
};

void set(wire::JsonObject& object, std::string_view name, wire::JsonValue value) {
  for (wire::JsonMember& one : object) {
    if (one.first == name) {
      one.second = std::move(value);
      return;
    }
  }
  object.push_back({std::string(name), std::move(value)});
}

wire::JsonValue time_value(const std::string& text) {
  if (text == "never") return {nullptr};
  return {wire::format_time(time_argument(text))};
}

void set_terms(wire::JsonObject& body, const Terms& terms) {
  if (!terms.name.empty()) set(body, "name", {terms.name});
  if (!terms.description.empty()) set(body, "description", {terms.description});
  if (!terms.starts_at.empty()) set(body, "starts_at", time_value(terms.starts_at));
  if (!terms.ends_at.empty()) set(body, "ends_at", time_value(terms.ends_at));
}

// False: nothing of the policy was given.
bool set_policy(wire::JsonObject& policy, const Terms& terms) {
  const std::size_t before = policy.size();
  bool changed = false;
  const auto put = [&](std::string_view name, wire::JsonValue value) {
    set(policy, name, std::move(value));
    changed = true;
  };
  if (terms.discount_percent > 0 && terms.discount_amount > 0) {
    throw CommandFailed{usage_error, "--discount-percent and --discount-amount exclude each other"};
  }
  if (!terms.valid_until.empty() && !terms.valid_for.empty()) {
    throw CommandFailed{usage_error, "--valid-until and --valid-for exclude each other"};
  }
  if (terms.discount_percent > 0 || terms.discount_amount > 0) {
    const bool percent = terms.discount_percent > 0;
    wire::JsonObject discount{{"type", {percent ? "percent" : "amount"}},
                              {"value", {percent ? terms.discount_percent : terms.discount_amount}}};
    if (!terms.currency.empty()) discount.push_back({"currency", {terms.currency}});
    put("discount", {std::move(discount)});
  } else if (!terms.currency.empty()) {
    throw CommandFailed{usage_error, "--currency belongs to --discount-amount"};
  }
  // The one replaces the other.
  if (!terms.valid_until.empty()) std::erase_if(policy, [](const auto& m) { return m.first == "valid_for_seconds"; });
  if (!terms.valid_for.empty()) std::erase_if(policy, [](const auto& m) { return m.first == "valid_until"; });
  if (!terms.valid_until.empty()) put("valid_until", time_value(terms.valid_until));
  if (!terms.valid_for.empty()) put("valid_for_seconds", {seconds_argument(terms.valid_for)});
  if (terms.max_per_user > 0) put("max_per_user", {std::int64_t{terms.max_per_user}});
  if (!terms.code_format.empty()) put("code_format", {terms.code_format});
  return changed || policy.size() != before;
}

std::string text_of_body(wire::JsonObject body) {
  std::string out;
  wire::JsonWriter json(out);
  write_value(json, {std::move(body)});
  return out;
}

// The campaign after a command, or that the command is not decided yet, which is not done.
void show_result(Context& context, const HttpAnswer& answer) {
  if (context.json) std::cout << answer.body << "\n";
  if (answer.status == 202) {
    throw CommandFailed{found_wrong,
                        "accepted, but not decided within 10 s; it keeps its place in the queue. Look again with "
                        "openrun request show " +
                            text_of(answer.json, "receipt"),
                        "UNDECIDED"};
  }
  if (context.json) return;
  TextTable table = campaign_table();
  add_campaign(table, answer.json);
  std::cout << table.text(context.style);
}

void create(Context& context, const Arguments& arguments) {
  wire::JsonObject body;
  set_terms(body, arguments.terms);
  set(body, "stock", {std::int64_t{arguments.stock}});
  wire::JsonObject policy;
  if (set_policy(policy, arguments.terms)) set(body, "policy", {std::move(policy)});
  show_result(context, call(context, {"POST", "/v1/campaigns", text_of_body(std::move(body)), arguments.key_or_new()}));
}

void update(Context& context, const Arguments& arguments) {
  wire::JsonObject body;
  set_terms(body, arguments.terms);
  const HttpAnswer now = call(context, {.method = "GET", .path = arguments.path()});
  // The gateway takes a policy whole: what is not given stays as it is.
  const wire::JsonValue* stored = member(now.json, "policy");
  const auto* members = stored == nullptr ? nullptr : stored->get<wire::JsonObject>();
  wire::JsonObject policy = members == nullptr ? wire::JsonObject{} : *members;
  if (set_policy(policy, arguments.terms)) set(body, "policy", {std::move(policy)});
  if (body.empty()) throw CommandFailed{usage_error, "nothing to change: give --name, --ends-at or another term"};
  show_result(context,
              call(context, {"PATCH", arguments.path(), text_of_body(std::move(body)), arguments.key_or_new()}));
}

void list(const Context& context, const Arguments& arguments) {
  constexpr int page = 200;
  TextTable table = campaign_table();
  std::string after = "0";
  bool first = true;
  do {
    std::string path = "/v1/campaigns?limit=" + std::to_string(page);
    path.append("&after=").append(after);
    if (!arguments.state.empty()) path.append("&state=").append(arguments.state);
    const HttpAnswer answer = call(context, {.method = "GET", .path = path});
    for (const wire::JsonValue& campaign : items_of(answer.json, "campaigns")) {
      if (!context.json) {
        add_campaign(table, campaign);
        continue;
      }
      std::string out = first ? "{\"campaigns\":[\n" : ",\n";
      wire::JsonWriter json(out);
      write_value(json, campaign);
      std::cout << out;
      first = false;
    }
    after = text_of(answer.json, "next_after");
  } while (after != "-");
  if (context.json && first) std::cout << "{\"campaigns\":[";
  std::cout << (context.json ? "\n]}\n" : table.text(context.style));
}

void show(const Context& context, const Arguments& arguments) {
  const HttpAnswer answer = call(context, {.method = "GET", .path = arguments.path()});
  std::cout << (context.json ? answer.body + "\n" : campaign_fields(answer.json, context.style));
}

// Asks where somebody can answer: to close is final.
void confirm_close(const Context& context, const Arguments& arguments) {
  if (arguments.yes || context.json || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return;
  const HttpAnswer answer = call(context, {.method = "GET", .path = arguments.path()});
  std::cerr << "close campaign " << arguments.id << " \"" << printable(text_of(answer.json, "name")) << "\", "
            << count_of(answer.json, "issued") << " of " << count_of(answer.json, "stock")
            << " issued, for ever? [y/N] " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  if (line != "y" && line != "yes") throw CommandFailed{found_wrong, "nothing was done"};
}

void command(Context& context, const Arguments& arguments, const std::string& verb) {
  if (verb == "close") confirm_close(context, arguments);
  show_result(context, call(context, {"POST", arguments.path("/" + verb), "", arguments.key_or_new()}));
}

void add_stock(Context& context, const Arguments& arguments) {
  const std::string body = "{\"add\":" + std::to_string(arguments.add) + "}";
  show_result(context, call(context, {"POST", arguments.path("/stock"), body, arguments.key_or_new()}));
}

// ---- the commands ----

void add_id(CLI::App& command, Arguments& arguments) {
  command.add_option("CAMPAIGN", arguments.id, "The campaign's id")
      ->required()
      ->type_name("CAMPAIGN")
      ->check(CLI::Range(1U, id_max));
}

void add_key(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--idempotency-key", arguments.key, "The same key again changes nothing again (default: a new one)")
      ->type_name("KEY");
}

void add_terms(CLI::App& command, Terms& terms, const std::string& start_default) {
  terms.starts_at = start_default;
  command.add_option("--description", terms.description, "Words for users")->type_name("TEXT");
  command.add_option("--starts-at", terms.starts_at, "When it opens: 2026-12-01T10:00:00Z, now, or +30s, +5m, +2h")
      ->type_name("TIME");
  command.add_option("--ends-at", terms.ends_at, "When it ends, written alike, or never")->type_name("TIME");
  command.add_option("--discount-percent", terms.discount_percent, "What a coupon is worth, in percent")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 100))
      ->default_str("");
  command.add_option("--discount-amount", terms.discount_amount, "What a coupon is worth, in money")
      ->type_name("COUNT")
      ->check(CLI::PositiveNumber)
      ->default_str("");
  command.add_option("--currency", terms.currency, "Of --discount-amount, for example KRW")->type_name("TEXT");
  command.add_option("--valid-until", terms.valid_until, "Until when a coupon can be used")->type_name("TIME");
  command.add_option("--valid-for", terms.valid_for, "For how long after its issue: 3600, 90s, 30m, 2h, 7d")
      ->type_name("SECONDS");
  command.add_option("--max-per-user", terms.max_per_user, "Coupons that a user may hold")
      ->type_name("COUNT")
      ->check(CLI::Range(std::uint32_t{1}, std::uint32_t{limits::coupons_per_user_max}))
      ->default_str(start_default.empty() ? "" : "1");
  command.add_option("--code-format", terms.code_format, "How codes are written")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"hangul", "latin"}))
      ->default_str(start_default.empty() ? "" : "hangul");
}

}  // namespace

void add_campaign_commands(CLI::App& app, Context& context) {
  auto* campaign = app.add_subcommand("campaign", "Create, look at, change and close campaigns")
                       ->require_subcommand(1)
                       ->group("Campaigns and coupons");
  const auto add = [&](const char* name, const std::string& text, auto run) {
    auto arguments = std::make_shared<Arguments>();
    auto* added = campaign->add_subcommand(name, text)->group("Commands");
    on_run(*added, context, [&context, arguments, run] { run(context, *arguments); });
    return std::pair{added, arguments};
  };

  auto [created, create_with] = add("create", "Create a campaign: a limited stock of coupons", create);
  created->add_option("--name", create_with->terms.name, "Its name")->required()->type_name("TEXT");
  created->add_option("--stock", create_with->stock, "How many coupons there are")
      ->required()
      ->type_name("COUNT")
      ->check(CLI::Range(std::uint32_t{1}, std::uint32_t{limits::stock_max}));
  add_terms(*created, create_with->terms, "now");
  add_key(*created, *create_with);

  auto [listed, list_with] = add("list", "List all campaigns, or those in one state", list);
  listed->add_option("--state", list_with->state, "Only those")
      ->type_name("STATE")
      ->check(CLI::IsMember({"scheduled", "open", "paused", "sold_out", "ended", "closed"}));

  auto [shown, show_with] = add("show", "Show one campaign with its policy", show);
  add_id(*shown, *show_with);

  auto [updated, update_with] = add("update", "Change a campaign's name, times or policy", update);
  add_id(*updated, *update_with);
  updated->add_option("--name", update_with->terms.name, "Its new name")->type_name("TEXT");
  add_terms(*updated, update_with->terms, "");
  add_key(*updated, *update_with);

  const auto add_verb = [&](const char* verb, const char* text) {
    auto [made, with] = add(verb, text, [verb](Context& to, const Arguments& given) { command(to, given, verb); });
    add_id(*made, *with);
    add_key(*made, *with);
    return std::pair{made, with};
  };
  add_verb("pause", "Pause a campaign: requests are refused until it is resumed");
  add_verb("resume", "Resume a paused campaign");
  auto [closed, close_with] = add_verb("close", "Close a campaign for ever");
  closed->add_flag("--yes", close_with->yes, "Do not ask, also on a terminal");

  auto [stocked, stock_with] = add("add-stock", "Add coupons to the stock, or take away what is not issued", add_stock);
  add_id(*stocked, *stock_with);
  stocked->add_option("COUNT", stock_with->add, "How many; negative takes away")->required()->type_name("COUNT");
  add_key(*stocked, *stock_with);
}

}  // namespace openrun::cli
