#include "cli/front/json_view.hpp"

#include <algorithm>
#include <type_traits>

#include "cli/front/text_table.hpp"

namespace openrun::cli {

const wire::JsonValue* member(const wire::JsonValue& object, std::string_view name) {
  const auto* members = object.get<wire::JsonObject>();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == name; });
  return found == members->end() ? nullptr : &found->second;
}

std::string text_of(const wire::JsonValue& object, std::string_view name) {
  const wire::JsonValue* value = member(object, name);
  if (value == nullptr) return "-";
  if (const auto* text = value->get<std::string>()) return *text;
  if (const auto* number = value->get<std::int64_t>()) return std::to_string(*number);
  if (const auto* number = value->get<std::uint64_t>()) return std::to_string(*number);
  if (const auto* boolean = value->get<bool>()) return *boolean ? "true" : "false";
  return "-";
}

std::string count_of(const wire::JsonValue& object, std::string_view name) {
  const wire::JsonValue* value = member(object, name);
  if (value == nullptr) return "-";
  if (const auto* number = value->get<std::int64_t>()) return grouped(*number);
  if (const auto* number = value->get<std::uint64_t>()) return grouped(*number);
  return text_of(object, name);
}

const wire::JsonArray& items_of(const wire::JsonValue& object, std::string_view name) {
  static const wire::JsonArray none;
  const wire::JsonValue* value = member(object, name);
  const auto* items = value == nullptr ? nullptr : value->get<wire::JsonArray>();
  return items == nullptr ? none : *items;
}

void write_value(wire::JsonWriter& json, const wire::JsonValue& value) {
  std::visit(
      [&json](const auto& held) {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::nullptr_t>) {
          json.null();
        } else if constexpr (std::is_same_v<Held, bool>) {
          json.boolean(held);
        } else if constexpr (std::is_same_v<Held, std::string>) {
          json.string(held);
        } else if constexpr (std::is_same_v<Held, wire::JsonArray>) {
          json.begin_array();
          for (const wire::JsonValue& one : held) write_value(json, one);
          json.end_array();
        } else if constexpr (std::is_same_v<Held, wire::JsonObject>) {
          json.begin_object();
          for (const wire::JsonMember& one : held) write_value(json.key(one.first), one.second);
          json.end_object();
        } else {
          json.number(held);
        }
      },
      value.value);
}

std::string problem_text(const wire::JsonValue& problem) {
  std::string text = text_of(problem, "detail");
  if (text == "-") text = text_of(problem, "title");
  if (text == "-") return "";
  bool first = true;
  for (const wire::JsonValue& one : items_of(problem, "errors")) {
    if (first && text.ends_with('.')) text.pop_back();
    text += (first ? ": " : "; ") + text_of(one, "field") + " " + text_of(one, "message");
    first = false;
  }
  return text;
}

}  // namespace openrun::cli
