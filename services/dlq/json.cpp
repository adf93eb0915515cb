// What `openrun dlq` writes as JSON and reads back.
#include <algorithm>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/wire/log_record.hpp>

#include "dlq/text.hpp"

namespace openrun::dlq {
namespace {

const wire::JsonValue* member_of(const wire::JsonValue& object, std::string_view name) {
  const auto* members = object.get<wire::JsonObject>();
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find_if(*members, [&](const auto& member) { return member.first == name; });
  return found == members->end() ? nullptr : &found->second;
}

std::optional<std::int64_t> number_of(const wire::JsonValue& object, std::string_view name) {
  const wire::JsonValue* value = member_of(object, name);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->get<std::int64_t>()) return *number;
  if (const auto* number = value->get<std::uint64_t>()) {
    if (*number <= static_cast<std::uint64_t>(INT64_MAX)) return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

const std::string* text_of(const wire::JsonValue& object, std::string_view name) {
  const wire::JsonValue* value = member_of(object, name);
  return value == nullptr ? nullptr : value->get<std::string>();
}

void write_time(wire::JsonWriter& json, const char* name, const std::optional<Timestamp>& time) {
  json.key(name);
  time ? json.string(wire::format_time(time->value)) : json.null();
}

void write_offset(wire::JsonWriter& json, const char* name, const std::optional<Offset>& offset) {
  json.key(name);
  offset ? json.number(offset->value) : json.null();
}

void write_counts(wire::JsonWriter& json, const Stats::Counts& counts) {
  json.begin_object();
  for (const LetterState state : {LetterState::open, LetterState::replaying, LetterState::replayed,
                                  LetterState::discarded, LetterState::refused_replay}) {
    const auto found = counts.find(state);
    json.key(to_string(state)).number(found == counts.end() ? 0 : found->second);
  }
  json.end_object();
}

// The record that a line of a file asks for.
Result<std::string> repaired_value(const wire::JsonValue& line) {
  if (const wire::JsonValue* request = member_of(line, "request")) {
    const auto campaign = number_of(*request, "campaign_id");
    const std::string* user = text_of(*request, "user_id");
    const std::string* key = text_of(*request, "idempotency_key");
    if (!campaign || *campaign < 1 || *campaign > limits::campaign_id_max || user == nullptr) {
      return fail(Error::Kind::invalid, "a request has a campaign_id (1 to 2147483647) and a user_id (text)");
    }
    return wire::encode_request(0, CampaignId{static_cast<std::uint32_t>(*campaign)}, *user, key ? *key : "");
  }
  const std::string* encoded = text_of(line, "value_base64");
  if (encoded == nullptr) return fail(Error::Kind::invalid, "there is neither value_base64 nor request");
  auto value = from_base64(*encoded);
  if (!value) return fail(Error::Kind::invalid, "value_base64 is no base 64");
  return std::move(*value);
}

Result<void> add_repair(Repairs& repairs, const ports::DeadLetterPlace& place, std::string value) {
  const ReadValue read = read_value(value);
  if (!read.replayable) {
    return fail(Error::Kind::invalid, "the record for " + format_place(place) +
                                          " is no request or command that the issuer can read (" + read.text + ")");
  }
  if (!repairs.emplace(place, std::move(value)).second) {
    return fail(Error::Kind::invalid, format_place(place) + " stands twice in it");
  }
  return {};
}

Result<void> add_line(Repairs& repairs, std::string_view text) {
  const auto line = wire::parse_json(text);
  if (!line) return std::unexpected(line.error());
  const auto partition = number_of(*line, "partition");
  const auto offset = number_of(*line, "offset");
  if (!partition || !offset || *partition < 0 || *partition > INT32_MAX || *offset < 0) {
    return fail(Error::Kind::invalid, "partition and offset name the dead letter");
  }
  auto value = repaired_value(*line);
  if (!value) return std::unexpected(value.error());
  return add_repair(repairs, {Partition{static_cast<std::int32_t>(*partition)}, Offset{*offset}}, std::move(*value));
}

}  // namespace

void write_letter(wire::JsonWriter& json, const ports::DeadLetter& letter) {
  const ReadValue read = read_value(letter.row.value);
  json.key("partition").number(letter.partition.value).key("offset").number(letter.row.offset.value);
  json.key("state").string(to_string(state_of(letter)));
  json.key("reason").string(letter.row.reason).key("error").string(letter.row.error);
  json.key("campaign_id");
  read.campaign == CampaignId{} ? json.null() : json.number(read.campaign.value);
  json.key("decoded").string(read.text).key("replayable").boolean(read.replayable);
  write_time(json, "arrived_at", letter.row.log_time);
  write_time(json, "created_at", letter.created_at);
  write_time(json, "exported_at", letter.exported_at);
  json.key("replays").number(letter.row.replays);
  write_time(json, "replayed_at", letter.replayed_at);
  write_offset(json, "replay_offset", letter.replay_offset);
  write_offset(json, "final_offset", letter.final_offset);
  write_time(json, "discarded_at", letter.discarded_at);
  json.key("value_bytes").number(letter.row.value.size());
}

void write_bytes(wire::JsonWriter& json, const ports::DeadLetter& letter) {
  json.key("key_base64").string(base64(letter.row.key)).key("value_base64").string(base64(letter.row.value));
  json.key("headers").begin_array();
  for (const auto& [name, value] : letter.row.headers) {
    json.begin_object().key("name_base64").string(base64(name)).key("value_base64").string(base64(value)).end_object();
  }
  json.end_array();
}

std::string export_line(const ports::DeadLetter& letter) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  write_letter(json, letter);
  write_bytes(json, letter);
  json.end_object();
  return out;
}

Result<Repairs> parse_repairs(std::string_view file, const std::optional<ports::DeadLetterPlace>& only) {
  Repairs repairs;
  if (!file.starts_with('{')) {
    if (!only) {
      return fail(Error::Kind::invalid,
                  "the file holds the bytes of one record: say whose with --partition P --offsets A");
    }
    if (auto added = add_repair(repairs, *only, std::string(file)); !added) return std::unexpected(added.error());
    return repairs;
  }
  std::size_t number = 0;
  while (!file.empty()) {
    const std::size_t end = file.find('\n');
    const std::string_view line = file.substr(0, end);
    file.remove_prefix(end == std::string_view::npos ? file.size() : end + 1);
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (auto added = add_line(repairs, line); !added) {
      return fail(Error::Kind::invalid, "line " + std::to_string(number) + ": " + added.error().message);
    }
  }
  return repairs;
}

void write_plan(wire::JsonWriter& json, const Plan& plan) {
  json.key("matched").number(plan.matched).key("planned").number(plan.letters.size());
  json.key("by_reason").begin_object();
  for (const auto& [reason, count] : plan.by_reason) json.key(reason).number(count);
  json.end_object().key("skipped").begin_object();
  for (const auto& [skip, count] : plan.skipped) json.key(to_string(skip)).number(count);
  json.end_object().key("campaign_unknown").number(plan.campaign_unknown);
}

void write_stats(wire::JsonWriter& json, const Stats& stats) {
  json.key("total").number(stats.total).key("exported").number(stats.exported);
  for (const LetterState state : {LetterState::open, LetterState::replaying, LetterState::replayed,
                                  LetterState::discarded, LetterState::refused_replay}) {
    const auto found = stats.by_state.find(state);
    json.key(to_string(state)).number(found == stats.by_state.end() ? 0 : found->second);
  }
  json.key("by_reason").begin_object();
  for (const auto& [reason, counts] : stats.by_reason) {
    json.key(reason);
    write_counts(json, counts);
  }
  json.end_object().key("by_partition").begin_object();
  for (const auto& [partition, counts] : stats.by_partition) {
    json.key(std::to_string(partition.value));
    write_counts(json, counts);
  }
  json.end_object().key("by_age").begin_object();
  for (const auto& [age, counts] : stats.by_age) {
    json.key(age.substr(2));
    write_counts(json, counts);
  }
  json.end_object();
  write_time(json, "oldest_open_arrived_at", stats.oldest_open);
  json.key("campaign_unknown").number(stats.campaign_unknown);
}

std::string filter_json(const LetterFilter& filter, const PlanRules& rules, const Repairs& repairs) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  if (filter.stored.partition) json.key("partition").number(filter.stored.partition->value);
  if (filter.stored.offsets) {
    json.key("offsets").string(std::to_string(filter.stored.offsets->first.value) + "-" +
                               std::to_string(filter.stored.offsets->second.value));
  }
  if (filter.stored.since) json.key("since").string(wire::format_time(filter.stored.since->value));
  if (!filter.stored.reason.empty()) json.key("reason").string(filter.stored.reason);
  if (filter.campaign) json.key("campaign").number(filter.campaign->value);
  if (rules.letters_max > 0) json.key("max").number(rules.letters_max);
  if (rules.replays_max) json.key("max_replays").number(*rules.replays_max);
  if (!repairs.empty()) json.key("repaired").number(repairs.size());
  json.end_object();
  return out;
}

}  // namespace openrun::dlq
