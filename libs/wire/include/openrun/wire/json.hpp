// JSON at the edges: read by simdjson into a plain tree, written by appending. Any thread; no shared state.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <openrun/base/result.hpp>

namespace openrun::wire {

struct JsonValue;
using JsonArray = std::vector<JsonValue>;
struct JsonMember;
using JsonObject = std::vector<JsonMember>;  // in the order of the text

struct JsonValue {
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, JsonArray, JsonObject> value;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
  template <class T>
  [[nodiscard]] const T* get() const {
    return std::get_if<T>(&value);
  }
};

struct JsonMember {
  std::string first;  // the name
  JsonValue second;
};

// Error::Kind::invalid with a message fit for a client: not JSON, not UTF-8 (lone surrogates too), deeper than 8, more
// than 256 members, a key that stands twice, text after the value.
// Bounds are per object; arrays are bounded by the text. A whole number beyond 64 bits is refused.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text);

// Appends to a string: {"a":1,"b":["x"]}. Commas are its own business. Strings must be valid UTF-8.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint64_t value);
  // The other widths, which would be ambiguous.
  template <std::signed_integral Integer>
  JsonWriter& number(Integer value) {
    return number(std::int64_t{value});
  }
  template <std::unsigned_integral Integer>
    requires(!std::same_as<Integer, bool>)
  JsonWriter& number(Integer value) {
    return number(std::uint64_t{value});
  }
  JsonWriter& number(double value);  // the shortest text that reads back the same; null where it is not finite
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON already

 private:
  void separate();
  std::string& out_;
  bool comma_ = false;
};

// RFC 3339, UTC, milliseconds: 2026-11-21T09:00:00.000Z. Times outside 0 to limits::timestamp_ms_max are shown as the
// nearest end of that range.
[[nodiscard]] std::string format_time(std::int64_t ms_since_1970);
void append_time(std::string& out, std::int64_t ms_since_1970);
// Accepts any RFC 3339 offset and 0 to 9 digits of fraction (cut to ms). Error::Kind::invalid otherwise, leap seconds
// included.
[[nodiscard]] Result<std::int64_t> parse_time(std::string_view text);

}  // namespace openrun::wire
