#include "gateway/rest/dead_letters_handler.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dlq/run.hpp"
#include "dlq/text.hpp"
#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr std::size_t limit_default = 50;
constexpr std::size_t limit_max = 200;
// A filter may leave little of a page: read so many pages for one answer, then tell where to go on.
constexpr int pages_max = 20;
constexpr std::int64_t partition_max = 9'999;
constexpr std::int64_t offset_max = (std::int64_t{1} << 53) - 1;  // the largest that JavaScript reads as it is

constexpr const char* reason_rule = "must be 1 to 25 capital letters and _";

bool is_reason(std::string_view text) {
  return !text.empty() && text.size() <= 25 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

struct Listing {
  dlq::LetterFilter filter;
  std::optional<ports::DeadLetterPlace> after;
  std::size_t limit = limit_default;
};

template <class T>
void read_parameter(std::string_view query, std::string_view name, std::string message, std::vector<FieldError>& errors,
                    T take) {
  const auto text = query_parameter(query, name);
  if (!text) return;
  const auto decoded = percent_decode(*text);
  if (!decoded || !take(*decoded)) errors.push_back({std::string(name), std::move(message)});
}

std::vector<FieldError> read_listing(std::string_view query, Listing& listing) {
  std::vector<FieldError> errors;
  read_parameter(query, "partition", "must be 0 to 9999", errors, [&](const std::string& text) {
    const auto number = parse_number(text, partition_max);
    if (number) listing.filter.stored.partition = Partition{static_cast<std::int32_t>(*number)};
    return number.has_value();
  });
  read_parameter(query, "state", "must be open, replaying, replayed, discarded or refused_replay", errors,
                 [&](const std::string& text) {
                   listing.filter.state = dlq::state_named(text);
                   return listing.filter.state.has_value();
                 });
  read_parameter(query, "reason", reason_rule, errors, [&](const std::string& text) {
    listing.filter.stored.reason = text;
    return is_reason(text);
  });
  read_parameter(query, "campaign_id", "must be a campaign id", errors, [&](const std::string& text) {
    listing.filter.campaign = parse_campaign(text);
    return listing.filter.campaign.has_value();
  });
  read_parameter(query, "after", "must be PARTITION:OFFSET", errors, [&](const std::string& text) {
    const auto place = dlq::parse_place(text);
    if (place) listing.after = *place;
    return place.has_value();
  });
  read_parameter(query, "limit", "must be 1 to " + std::to_string(limit_max), errors, [&](const std::string& text) {
    const auto number = parse_number(text, limit_max);
    listing.limit = static_cast<std::size_t>(number.value_or(0));
    return listing.limit > 0;
  });
  return errors;
}

ports::HttpResponse render_list(ports::DeadLetterStore& store, const Listing& listing) {
  ports::HttpResponse response = private_response(json_response(200, {}));
  wire::JsonWriter json(response.body);
  json.begin_object().key("dead_letters").begin_array();
  std::size_t shown = 0;
  std::uint64_t campaign_unknown = 0;
  std::optional<ports::DeadLetterPlace> after = listing.after;
  bool is_more = true;
  for (int page = 0; page < pages_max && is_more && shown < listing.limit; ++page) {
    const auto letters = store.letters(listing.filter.stored, after, limit_max);
    if (!letters) return unavailable(letters.error().kind);
    std::size_t read = 0;
    for (; read < letters->size() && shown < listing.limit; ++read) {
      const ports::DeadLetter& letter = (*letters)[read];
      after = letter.place();
      const dlq::Match matched = dlq::match(listing.filter, letter, dlq::read_value(letter.row.value));
      campaign_unknown += matched == dlq::Match::campaign_unknown ? 1 : 0;
      if (matched != dlq::Match::yes) continue;
      ++shown;
      json.begin_object();
      dlq::write_letter(json, letter);
      json.end_object();
    }
    is_more = letters->size() == limit_max || read < letters->size();
  }
  json.end_array().key("campaign_unknown").number(campaign_unknown).key("next_after");
  is_more&& after ? json.string(dlq::format_place(*after)) : json.null();
  json.end_object();
  return response;
}

ports::HttpResponse render_one(ports::DeadLetterStore& store, const ports::DeadLetterPlace& place) {
  ports::DeadLetterFilter filter;
  filter.partition = place.partition;
  filter.offsets = {place.offset, place.offset};
  const auto found = store.letters(filter, std::nullopt, 1);
  if (!found) return unavailable(found.error().kind);
  if (found->empty()) return private_response(not_found("There is no such dead letter."));
  const auto replays = store.replays_of(place);
  if (!replays) return unavailable(replays.error().kind);
  ports::HttpResponse response = private_response(json_response(200, {}));
  wire::JsonWriter json(response.body);
  json.begin_object();
  dlq::write_letter(json, found->front());
  dlq::write_bytes(json, found->front());
  json.key("readable").string(dlq::readable_bytes(found->front().row.value)).key("replay_records").begin_array();
  for (const ports::ReplayRecord& replay : *replays) {
    json.begin_object().key("offset").number(replay.replay_offset.value);
    json.key("sent_at").string(wire::format_time(replay.sent_at.value));
    json.key("sent_by").string(replay.sent_by).end_object();
  }
  json.end_array().end_object();
  return response;
}

// ---- replay and discard ----

struct Order {
  dlq::LetterFilter filter;
  dlq::PlanRules rules;
  bool execute = false;
};

void read_offsets(FieldReader& fields, Order& order) {
  const auto first = fields.integer("first_offset", 0, offset_max);
  const auto last = fields.integer("last_offset", 0, offset_max);
  if (!first && !last) return;
  order.filter.stored.offsets = {Offset{first.value_or(0)}, Offset{last.value_or(offset_max)}};
}

std::vector<FieldError> read_order(const wire::JsonObject& object, Order& order) {
  std::vector<FieldError> errors;
  FieldReader fields(object, "", errors);
  const auto partition = fields.integer("partition", 0, partition_max);
  if (partition) order.filter.stored.partition = Partition{static_cast<std::int32_t>(*partition)};
  read_offsets(fields, order);
  order.filter.stored.since = fields.time("since");
  if (auto reason = fields.text("reason")) {
    if (!is_reason(*reason)) fields.error("reason", reason_rule);
    order.filter.stored.reason = std::move(*reason);
  }
  if (const auto campaign = fields.integer("campaign_id", 1, 0x7FFFFFFF))
    order.filter.campaign = CampaignId{static_cast<std::uint32_t>(*campaign)};
  constexpr std::int64_t letters_max = DeadLettersHandler::letters_max;
  order.rules.letters_max = static_cast<std::uint64_t>(fields.integer("max", 1, letters_max).value_or(letters_max));
  if (order.rules.action == dlq::DlqAction::replay) {
    if (const auto replays = fields.integer("max_replays", 0, INT32_MAX))
      order.rules.replays_max = static_cast<std::uint32_t>(*replays);
  }
  if (const wire::JsonValue* execute = fields.find("execute")) {
    if (const bool* flag = execute->get<bool>()) order.execute = *flag;
    if (execute->get<bool>() == nullptr) fields.error("execute", "must be true or false");
  }
  fields.finish();
  return errors;
}

// What is wrong between fields that are right by themselves; empty where nothing is.
std::string_view wrong_range(const ports::DeadLetterFilter& filter) {
  if (!filter.offsets) return {};
  if (!filter.partition) return "Offsets are of one partition: say which.";
  if (filter.offsets->second < filter.offsets->first) return "last_offset is below first_offset.";
  return {};
}

ports::HttpResponse render_plan(const Order& order, const dlq::Plan& plan, const dlq::RunReport* report) {
  ports::HttpResponse response = private_response(json_response(200, {}));
  wire::JsonWriter json(response.body);
  json.begin_object().key("action").string(dlq::to_string(order.rules.action));
  json.key("executed").boolean(report != nullptr);
  dlq::write_plan(json, plan);
  const dlq::RunReport none;
  const dlq::RunReport& shown = report == nullptr ? none : *report;
  json.key("done").number(shown.done).key("left_out").number(shown.left_out).key("unknown").number(shown.unknown);
  json.key("complete").boolean(shown.complete()).end_object();
  return response;
}

dlq::RunReport carry_out(Parts& parts, ports::DeadLetterStore& store, const Order& order, const dlq::Plan& plan,
                         const std::string& admin) {
  const dlq::RunParts run{store, parts.clock, [&](std::chrono::milliseconds) { return parts.draining.load(); },
                          [](const dlq::RunReport&) {}};
  const ports::DeadLetterAction action{dlq::to_string(order.rules.action),
                                       dlq::filter_json(order.filter, order.rules, {}), admin, plan.letters.size()};
  if (order.rules.action == dlq::DlqAction::discard) return dlq::run_discard(run, plan, action);
  dlq::DeliveryBox box;
  const auto log = parts.dead_letters.log([&box](std::span<const ports::Delivery> deliveries) { box.put(deliveries); });
  if (log) return dlq::run_replay(run, {**log, box, parts.random_u32, 0}, plan, order.rules, {}, action);
  dlq::RunReport report;
  report.error = log.error().message;
  return report;
}

ports::HttpResponse plan_and_do(Parts& parts, ports::DeadLetterStore& store, const Order& order,
                                const std::string& admin) {
  dlq::Planner planner(order.filter, order.rules);
  const auto read = dlq::each_letter(
      store, order.filter.stored, [&](const ports::DeadLetter& letter) { planner.consider(letter, letter.row.value); });
  if (!read) return unavailable(read.error().kind);
  const dlq::Plan& plan = planner.plan();
  if (!order.execute || plan.letters.empty()) return render_plan(order, plan, nullptr);
  const dlq::RunReport report = carry_out(parts, store, order, plan, admin);
  if (!report.error.empty())
    parts.logger.warning("dead letters: an action ended early",
                         {{"action", std::string(dlq::to_string(order.rules.action))}, {"error", report.error}});
  if (!report.error.empty() && report.done == 0 && report.unknown == 0) {
    return overloaded(
        "Nothing was done: another replay or discard is at work, or the log or the store does not answer. The same "
        "call "
        "again is safe.");
  }
  return render_plan(order, plan, &report);
}

}  // namespace

void DeadLettersHandler::with_store(Call& call, Work work) {
  const auto reply = call.reply;
  if (!parts_.dead_letters.store) return reply->send(unavailable(Error::Kind::unavailable));
  const bool accepted =
      parts_.pool.submit([this, &io = call.io, reply, work = std::move(work)](ports::GatewayStore&) mutable {
        // The store's connection holds the lock of actions, and `work` the seat of one: both are given back before the
        // answer, or the caller's next action would be told that this one is still at work.
        ports::HttpResponse response = work(*parts_.dead_letters.store());
        work = nullptr;
        io.post([reply, response = std::move(response)]() mutable { reply->send(std::move(response)); });
      });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

void DeadLettersHandler::list(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  Listing listing;
  const auto errors = read_listing(call.request.query, listing);
  if (!errors.empty()) return call.reply->send(invalid_request("The query has faults.", errors));
  with_store(call, [listing](ports::DeadLetterStore& store) { return render_list(store, listing); });
}

void DeadLettersHandler::one(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  const auto text = percent_decode(call.argument);
  const auto place = dlq::parse_place(text.value_or(""));
  if (!place) return call.reply->send(private_response(not_found("A dead letter is named PARTITION:OFFSET.")));
  with_store(call, [place = *place](ports::DeadLetterStore& store) { return render_one(store, place); });
}

void DeadLettersHandler::act(Call& call, dlq::DlqAction action) {
  auto admin = parts_.auth.admin(call.request);
  if (!admin) return call.reply->send(std::move(admin.error()));
  const auto object = read_object(call.request, true);
  if (!object) return call.reply->send(object.error());
  Order order;
  order.rules.action = action;
  const auto errors = read_order(*object, order);
  if (!errors.empty()) return call.reply->send(invalid_request("The body has faults.", errors));
  const std::string_view wrong = wrong_range(order.filter.stored);
  if (!wrong.empty()) return call.reply->send(private_response(problem(409, "WRONG_RANGE", wrong)));
  auto seat = actions_.take();
  if (!seat)
    return call.reply->send(
        private_response(problem(409, "ACTION_IN_PROGRESS", "Another replay or discard is at work at this gateway.")));
  with_store(call, [this, order, admin = *admin, seat = std::make_shared<Seat>(std::move(*seat))](
                       ports::DeadLetterStore& store) { return plan_and_do(parts_, store, order, admin); });
}

}  // namespace openrun::gateway
