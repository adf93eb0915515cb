// Messages as bodies: proto3's JSON, or binary. Pure functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "gateway/connect/protocol.hpp"

namespace openrun::gateway::connect {

// Fills `message`, which is empty. JSON: camelCase and the proto's own spelling, 64-bit integers as strings or numbers,
// unknown fields ignored as binary ones are; no text at all is no message, while no bytes are an empty binary one.
[[nodiscard]] std::expected<void, Failure> read_message(Codec codec, std::string_view body,
                                                        google::protobuf::Message& message);
// JSON in camelCase, 64-bit integers as strings, without fields that have their default.
[[nodiscard]] std::expected<std::string, Failure> write_message(Codec codec, const google::protobuf::Message& message);

}  // namespace openrun::gateway::connect
