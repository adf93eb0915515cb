// JSON bodies: what is accepted survives writing and reading, and the gateway's short cut for the usual body never says
// anything else than the parser does.
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <openrun/base/text.hpp>
#include <openrun/wire/json.hpp>
#include <openrun/wire/terms.hpp>

#include "fuzz.hpp"
#include "gateway/rest/body.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::fuzz {
namespace {

using wire::JsonArray;
using wire::JsonObject;
using wire::JsonValue;

constexpr std::size_t depth_max = 8;
constexpr std::size_t members_max = 256;

class TreeWriter {
 public:
  explicit TreeWriter(std::string& out) : json_(out) {}

  void write(const JsonValue& value) {
    if (value.is_null()) json_.null();
    if (const auto* flag = value.get<bool>()) json_.boolean(*flag);
    if (const auto* number = value.get<std::int64_t>()) json_.number(*number);
    if (const auto* number = value.get<std::uint64_t>()) json_.number(*number);
    // -0.0 comes back as the whole number 0.
    if (const auto* number = value.get<double>()) json_.number(*number == 0 ? 0.0 : *number);
    if (const auto* text = value.get<std::string>()) json_.string(*text);
    if (const auto* array = value.get<JsonArray>()) {
      json_.begin_array();
      for (const JsonValue& item : *array) write(item);
      json_.end_array();
    }
    if (const auto* object = value.get<JsonObject>()) {
      json_.begin_object();
      for (const auto& [name, member] : *object) {
        json_.key(name);
        write(member);
      }
      json_.end_object();
    }
  }

 private:
  wire::JsonWriter json_;
};

std::string written(const JsonValue& value) {
  std::string out;
  TreeWriter(out).write(value);
  return out;
}

void check_text(const std::string& text) {
  require(utf8_length(text) != not_utf8, "a string is UTF-8", text);
}

void check_bounds(const JsonValue& value, std::size_t depth) {
  if (const auto* text = value.get<std::string>()) check_text(*text);
  if (const auto* number = value.get<double>()) require(std::isfinite(*number), "a number is finite");
  if (const auto* array = value.get<JsonArray>()) {
    require(depth < depth_max, "arrays are nested to the limit");
    for (const JsonValue& item : *array) check_bounds(item, depth + 1);
  }
  if (const auto* object = value.get<JsonObject>()) {
    require(depth < depth_max && object->size() <= members_max, "objects are bounded");
    std::set<std::string_view> names;
    for (const auto& [name, member] : *object) {
      check_text(name);
      require(names.insert(name).second, "a key stands once", name);
      check_bounds(member, depth + 1);
    }
  }
}

void check_faults(const std::vector<gateway::FieldError>& errors) {
  for (const auto& error : errors) {
    require(utf8_length(error.field) != not_utf8, "a field's name is UTF-8");
    require(!error.message.empty() && !has_control_character(error.message), "a fault says what is wrong");
  }
}

void check_policy(const JsonValue& value) {
  std::vector<gateway::FieldError> errors;
  const auto policy = gateway::read_policy(value, errors);
  check_faults(errors);
  require(policy.has_value() || !errors.empty(), "what cannot be read has a fault");
  if (!policy || !errors.empty() || wire::check(*policy)) return;
  // As it is shown it can be sent again.
  issuance::Campaign campaign;
  campaign.terms.policy = *policy;
  std::string shown;
  wire::JsonWriter json(shown);
  gateway::write_campaign(json, campaign, Timestamp{0});
  const auto parsed = wire::parse_json(shown);
  require(parsed.has_value(), "a campaign is shown as JSON", shown);
  for (const auto& [name, member] : *parsed->get<JsonObject>()) {
    if (name != "policy") continue;
    const auto again = gateway::read_policy(member, errors);
    require(errors.empty() && again == policy, "a policy that is shown can be sent again", shown);
  }
}

void check_short_cut(std::string_view body) {
  const auto user = gateway::plain_user_id(body);
  if (!user || !is_valid_user_id(*user)) return;
  const auto parsed = wire::parse_json(body);
  const auto* object = parsed ? parsed->get<JsonObject>() : nullptr;
  require(object != nullptr && object->size() == 1 && object->front().first == "user_id", "the short cut reads JSON",
          body);
  const auto* name = object->front().second.get<std::string>();
  require(name != nullptr && *name == *user, "the short cut reads the same user", body);
}

void check_fields(const JsonObject& object) {
  std::vector<gateway::FieldError> errors;
  gateway::FieldReader fields(object, "body.", errors);
  const auto number = fields.integer("stock", 0, 4'294'967'295);
  require(!number || (*number >= 0 && *number <= 4'294'967'295), "an integer is within its bounds");
  const auto time = fields.time("starts_at");
  require(!time || wire::is_valid_time(*time), "a time is within its bounds");
  (void)fields.text("name");
  fields.finish();
  check_faults(errors);
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun;
  using namespace openrun::fuzz;
  const std::string_view text = text_of(data, size);
  check_short_cut(text);

  ports::HttpRequest request;
  request.body = text;
  request.headers.emplace_back("content-type", "application/json; charset=UTF-8");
  const auto body = gateway::read_object(request, false);
  require(body || body.error().status == 400, "a body that is no object is answered with 400", text);

  const auto parsed = wire::parse_json(text);
  if (!parsed) {
    require(parsed.error().kind == Error::Kind::invalid && !parsed.error().message.empty(), "a refusal says why", text);
    return 0;
  }
  check_bounds(*parsed, 0);
  require(utf8_length(text) != not_utf8, "JSON is UTF-8", text);
  const std::string once = written(*parsed);
  const auto again = wire::parse_json(once);
  require(again.has_value(), "what was written can be read", once);
  require(written(*again) == once, "writing and reading change nothing", once);
  check_policy(*parsed);
  if (body) check_fields(*body);
  return 0;
}
