#include <algorithm>

#include <simdjson.h>

#include <openrun/base/text.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::wire {
namespace {

constexpr std::size_t depth_max = 8;
constexpr std::size_t members_max = 256;
// A parser's buffers grow to the largest text it has seen; beyond this they are given back.
constexpr std::size_t kept_capacity_max = 64 * 1024;

using simdjson::dom::element;
using simdjson::dom::element_type;

const char* fault_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return "the text is not valid UTF-8";
    case simdjson::EMPTY:
      return "the text is empty";
    case simdjson::DEPTH_ERROR:
      return "the text is nested too deeply";
    case simdjson::STRING_ERROR:
      return "a string is not valid";
    case simdjson::NUMBER_ERROR:
      return "a number is not valid or too large";
    default:
      return "the text is not valid JSON";
  }
}

// Builds the tree; the first fault stops it.
class Reader {
 public:
  [[nodiscard]] const char* fault() const { return fault_; }

  bool read(const element& from, JsonValue& out, std::size_t depth) {
    switch (from.type()) {
      case element_type::NULL_VALUE:
        out.value = nullptr;
        return true;
      case element_type::BOOL:
        out.value = bool{from};
        return true;
      case element_type::INT64:
        out.value = std::int64_t{from};
        return true;
      case element_type::UINT64:
        out.value = std::uint64_t{from};
        return true;
      case element_type::DOUBLE:
        out.value = double{from};
        return true;
      case element_type::STRING:
        return read_text(from.get_string().value_unsafe(), out.value.emplace<std::string>());
      case element_type::ARRAY:
        return read_array(from.get_array().value_unsafe(), out.value.emplace<JsonArray>(), depth + 1);
      case element_type::OBJECT:
        return read_object(from.get_object().value_unsafe(), out.value.emplace<JsonObject>(), depth + 1);
    }
    return refuse("the text is not valid JSON");
  }

 private:
  bool refuse(const char* why) {
    fault_ = why;
    return false;
  }

  // simdjson 3.0.1 refuses lone surrogates by itself; what the store would refuse does not rest on a library's version.
  bool read_text(std::string_view from, std::string& out) {
    if (utf8_length(from) == not_utf8) return refuse("a string holds a lone surrogate");
    out.assign(from);
    return true;
  }

  bool read_array(const simdjson::dom::array& from, JsonArray& out, std::size_t depth) {
    if (depth > depth_max) return refuse("the text is nested deeper than 8");
    for (const element item : from) {
      if (!read(item, out.emplace_back(), depth)) return false;
    }
    return true;
  }

  bool read_object(const simdjson::dom::object& from, JsonObject& out, std::size_t depth) {
    if (depth > depth_max) return refuse("the text is nested deeper than 8");
    for (const auto member : from) {
      if (out.size() == members_max) return refuse("an object has more than 256 members");
      auto& [key, value] = out.emplace_back();
      if (!read_text(member.key, key) || !read(member.value, value, depth)) return false;
    }
    return keys_are_distinct(out) || refuse("a key stands twice in one object");
  }

  static bool keys_are_distinct(const JsonObject& object) {
    std::vector<std::string_view> keys;
    keys.reserve(object.size());
    for (const auto& member : object) keys.push_back(member.first);
    std::ranges::sort(keys);
    return std::ranges::adjacent_find(keys) == keys.end();
  }

  const char* fault_ = "";
};

}  // namespace

Result<JsonValue> parse_json(std::string_view text) {
  thread_local simdjson::dom::parser parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
  Result<JsonValue> parsed;
  element root;
  // The parser copies the text into a buffer with the padding that it needs to read beyond the end.
  const simdjson::error_code error = parser.parse(text.data(), text.size(), true).get(root);
  Reader reader;
  if (error != simdjson::SUCCESS) {
    parsed = fail(Error::Kind::invalid, fault_of(error));
  } else if (!reader.read(root, *parsed, 0)) {
    parsed = fail(Error::Kind::invalid, reader.fault());
  }
  if (parser.capacity() > kept_capacity_max) parser = simdjson::dom::parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
  return parsed;
}

}  // namespace openrun::wire
