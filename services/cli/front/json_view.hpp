// Reading and writing JSON values without knowing their shape. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include <openrun/wire/json.hpp>

namespace openrun::cli {

// Null where the value is no object or has no such member.
[[nodiscard]] const wire::JsonValue* member(const wire::JsonValue& object, std::string_view name);
// A member as text for a table or a message; "-" for null or absent.
[[nodiscard]] std::string text_of(const wire::JsonValue& object, std::string_view name);
// A whole number with its thousands apart; text_of() for everything else.
[[nodiscard]] std::string count_of(const wire::JsonValue& object, std::string_view name);
// Empty where there is no such array.
[[nodiscard]] const wire::JsonArray& items_of(const wire::JsonValue& object, std::string_view name);
// The value as JSON text again, members in their order.
void write_value(wire::JsonWriter& json, const wire::JsonValue& value);

// What a problem document says, with its faulty fields: "The body has faults: stock must be 1 to 4294967295". Empty
// where it is none.
[[nodiscard]] std::string problem_text(const wire::JsonValue& problem);

}  // namespace openrun::cli
