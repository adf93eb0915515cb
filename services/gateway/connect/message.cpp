#include "gateway/connect/message.hpp"

#include <google/protobuf/util/json_util.h>

#include <openrun/wire/json.hpp>

namespace openrun::gateway::connect {
namespace {

std::unexpected<Failure> malformed(std::string message) {
  return std::unexpected(Failure{Code::invalid_argument, "the message cannot be read: " + std::move(message)});
}

}  // namespace

std::expected<void, Failure> read_message(Codec codec, std::string_view body, google::protobuf::Message& message) {
  if (codec == Codec::proto) {
    if (message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return {};
    return malformed("it is not a protobuf message of this type");
  }
  // protobuf's reader takes more than JSON (names without quotes, a key twice), and says little about what it refuses.
  const auto value = wire::parse_json(body);
  if (!value) return malformed(value.error().message);
  if (value->get<wire::JsonObject>() == nullptr) return malformed("it must be a JSON object");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto read = google::protobuf::util::JsonStringToMessage({body.data(), body.size()}, &message, options);
  if (read.ok()) return {};
  return malformed(std::string(read.message()));
}

std::expected<std::string, Failure> write_message(Codec codec, const google::protobuf::Message& message) {
  std::string out;
  const bool is_written = codec == Codec::proto ? message.SerializeToString(&out)
                                                : google::protobuf::util::MessageToJsonString(message, &out).ok();
  if (is_written) return out;
  return std::unexpected(Failure{Code::internal, "INTERNAL_SERVER_ERROR"});
}

}  // namespace openrun::gateway::connect
