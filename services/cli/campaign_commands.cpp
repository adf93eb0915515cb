// campaign and dispatch: the gateway's admin calls for people and scripts.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include <openrun/crypto/mac.hpp>

#include "cli/context.hpp"

namespace openrun::cli {
namespace {

std::string new_key() {
  std::vector<std::uint8_t> bytes(16);
  crypto::random_bytes(bytes);
  return "cli-" + crypto::hex(bytes);
}

std::vector<std::string> row_of(const wire::JsonValue& campaign) {
  std::vector<std::string> row;
  for (const char* name : {"id", "state", "stock", "issued", "remaining", "starts_at", "ends_at", "name"}) {
    row.push_back(text_of(campaign, name));
  }
  return row;
}

void show(const Context& context, const HttpAnswer& answer) {
  if (context.json) {
    std::cout << answer.body << "\n";
  } else if (answer.status == 202) {
    std::cout << "accepted, not decided yet: " << text_of(answer.json, "receipt") << "\n";
  } else {
    std::cout << table({{"ID", "STATE", "STOCK", "ISSUED", "LEFT", "STARTS", "ENDS", "NAME"}, row_of(answer.json)});
  }
}

struct CreateArguments {
  std::string name;
  std::string description;
  std::uint32_t stock = 0;
  std::string starts_at = "now";
  std::string ends_at;
  std::uint32_t max_per_user = 1;
  std::string code_format;
  std::string key;
};

void create(const Context& context, const CreateArguments& arguments) {
  std::string body;
  wire::JsonWriter writer(body);
  writer.begin_object()
      .key("name")
      .string(arguments.name)
      .key("stock")
      .number(static_cast<std::int64_t>(arguments.stock));
  if (!arguments.description.empty()) writer.key("description").string(arguments.description);
  writer.key("starts_at").string(wire::format_time(time_argument(arguments.starts_at)));
  if (!arguments.ends_at.empty()) writer.key("ends_at").string(wire::format_time(time_argument(arguments.ends_at)));
  if (arguments.max_per_user != 1 || !arguments.code_format.empty()) {
    writer.key("policy").begin_object().key("max_per_user").number(static_cast<std::int64_t>(arguments.max_per_user));
    if (!arguments.code_format.empty()) writer.key("code_format").string(arguments.code_format);
    writer.end_object();
  }
  writer.end_object();
  show(context, call(context, "POST", "/v1/campaigns", body, arguments.key.empty() ? new_key() : arguments.key));
}

void list(const Context& context, const std::string& state) {
  constexpr int page = 200;
  std::vector<std::vector<std::string>> rows{{"ID", "STATE", "STOCK", "ISSUED", "LEFT", "STARTS", "ENDS", "NAME"}};
  std::string after = "0";
  std::string bodies;
  for (;;) {
    std::string path = "/v1/campaigns?limit=" + std::to_string(page);
    path.append("&after=").append(after);
    if (!state.empty()) path.append("&state=").append(state);
    const HttpAnswer answer = call(context, "GET", path);
    const wire::JsonValue* campaigns = member(answer.json, "campaigns");
    const auto* items = campaigns == nullptr ? nullptr : campaigns->get<wire::JsonArray>();
    if (context.json) bodies += answer.body + "\n";
    if (items == nullptr || items->empty()) break;
    for (const wire::JsonValue& campaign : *items) rows.push_back(row_of(campaign));
    const std::string next = text_of(answer.json, "next_after");
    if (next == "-") break;
    after = next;
  }
  std::cout << (context.json ? bodies : table(rows));
}

void dispatch(const Context& context, std::int64_t per_second, int partition, bool set) {
  if (!set) {
    std::cout << call(context, "GET", "/v1/dispatch").body << "\n";
    return;
  }
  std::string body;
  wire::JsonWriter writer(body);
  writer.begin_object().key("per_second").number(per_second);
  if (partition >= 0) writer.key("partition").number(static_cast<std::int64_t>(partition));
  writer.end_object();
  std::cout << call(context, "PUT", "/v1/dispatch", body).body << "\n";
}

}  // namespace

void add_campaign_commands(CLI::App& app, Context& context) {
  auto* campaign = app.add_subcommand("campaign", "Campaigns, through the gateway")->require_subcommand(1);

  auto create_arguments = std::make_shared<CreateArguments>();
  auto* create_command = campaign->add_subcommand("create", "Create a campaign");
  create_command->add_option("--name", create_arguments->name, "Its name")->required();
  create_command->add_option("--stock", create_arguments->stock, "How many coupons there are")->required();
  create_command->add_option("--starts-at", create_arguments->starts_at, "2026-11-21T09:00:00Z, now, or +30s");
  create_command->add_option("--ends-at", create_arguments->ends_at, "The same; empty: no end");
  create_command->add_option("--description", create_arguments->description, "Words for people");
  create_command->add_option("--max-per-user", create_arguments->max_per_user, "Coupons a user may hold");
  create_command->add_option("--code-format", create_arguments->code_format, "hangul or latin");
  create_command->add_option("--idempotency-key", create_arguments->key, "The same key again changes nothing again");
  create_command->callback([&context, create_arguments] { create(context, *create_arguments); });

  auto state = std::make_shared<std::string>();
  auto* list_command = campaign->add_subcommand("list", "All campaigns");
  list_command->add_option("--state", *state, "scheduled, open, paused, sold_out, ended or closed");
  list_command->callback([&context, state] { list(context, *state); });

  auto id = std::make_shared<std::uint32_t>(0);
  auto* show_command = campaign->add_subcommand("show", "One campaign");
  show_command->add_option("id", *id, "Its id")->required();
  show_command->callback(
      [&context, id] { show(context, call(context, "GET", "/v1/campaigns/" + std::to_string(*id))); });

  for (const char* verb : {"pause", "resume", "close"}) {
    auto* command =
        campaign->add_subcommand(verb, std::string(verb) + " a campaign" + (verb[0] == 'c' ? " for ever" : ""));
    command->add_option("id", *id, "Its id")->required();
    command->callback([&context, id, verb] {
      show(context, call(context, "POST", "/v1/campaigns/" + std::to_string(*id) + "/" + verb, "", new_key()));
    });
  }

  auto add = std::make_shared<std::int64_t>(0);
  auto* stock_command = campaign->add_subcommand("add-stock", "Add coupons, or take away what is not issued");
  stock_command->add_option("id", *id, "Its id")->required();
  stock_command->add_option("add", *add, "How many; negative takes away")->required();
  stock_command->callback([&context, id, add] {
    const std::string body = "{\"add\":" + std::to_string(*add) + "}";
    show(context, call(context, "POST", "/v1/campaigns/" + std::to_string(*id) + "/stock", body, new_key()));
  });

  auto rate = std::make_shared<std::int64_t>(0);
  auto partition = std::make_shared<int>(-1);
  auto* dispatch_command =
      app.add_subcommand("dispatch", "How many requests of a partition are decided a second (0: no limit)");
  auto* rate_option =
      dispatch_command->add_option("per_second", *rate, "The new limit; without it the limits are shown");
  dispatch_command->add_option("--partition", *partition, "Of one partition only");
  dispatch_command->callback(
      [&context, rate, partition, rate_option] { dispatch(context, *rate, *partition, rate_option->count() > 0); });
}

}  // namespace openrun::cli
