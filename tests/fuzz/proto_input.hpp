// An input that is protobuf's text format or protobuf's bytes.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

namespace openrun::fuzz {

// The message's bytes where the input reads as its text, else the input itself.
template <class Message>
[[nodiscard]] std::string proto_input(std::string_view input) {
  struct Silent final : google::protobuf::io::ErrorCollector {
    void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
  };
  Silent silent;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&silent);
  Message message;
  // Without any letter it is no text: an empty one would hide the empty record.
  if (input.size() < 4 || !parser.ParseFromString(std::string(input), &message)) return std::string(input);
  // Text of any bytes, also such as proto3's strings must not hold: serialised without a look at them.
  std::string bytes;
  message.SerializePartialToString(&bytes);
  return bytes;
}

}  // namespace openrun::fuzz
