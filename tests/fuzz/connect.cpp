// Bodies of Connect calls: whatever they are, reading them is answered; what was read can be written and read again, in
// both codecs. The first byte chooses codec and compression.
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <coupon/v1/coupon.pb.h>
#include <coupon_issuance/v1/coupon_issuance.pb.h>
#include <google/protobuf/util/message_differencer.h>
#include <rpc_campaign/rpc_campaign.pb.h>

#include <openrun/base/text.hpp>
#include <openrun/wire/gzip.hpp>
#include <openrun/wire/json.hpp>

#include "fuzz.hpp"
#include "gateway/connect/message.hpp"
#include "gateway/connect/protocol.hpp"

namespace openrun::fuzz {
namespace {

using gateway::connect::Codec;
using google::protobuf::Message;

// protobuf's JSON can't write every time that its binary form can hold.
bool is_writable(const Message& message) {
  const auto* create = dynamic_cast<const rpc_campaign::CreateCampaignRequest*>(&message);
  if (create == nullptr || !create->has_begin_at()) return true;
  constexpr std::int64_t seconds_min = -62'135'596'800;
  constexpr std::int64_t seconds_max = 253'402'300'799;
  const auto& time = create->begin_at();
  return time.seconds() >= seconds_min && time.seconds() <= seconds_max && time.nanos() >= 0 &&
         time.nanos() < 1'000'000'000;
}

void check_again(Codec codec, const Message& message) {
  const auto written = gateway::connect::write_message(codec, message);
  if (codec == Codec::json && !is_writable(message)) return;
  require(written.has_value(), "a message that was read can be written");
  if (codec == Codec::json) require(wire::parse_json(*written).has_value(), "it is written as JSON", *written);
  const std::unique_ptr<Message> again(message.New());
  require(gateway::connect::read_message(codec, *written, *again).has_value(), "and read again", *written);
  if (codec == Codec::proto) {
    require(google::protobuf::util::MessageDifferencer::Equals(message, *again), "and is the same");
  }
}

void check(Codec codec, std::string_view body, Message& message) {
  const auto read = gateway::connect::read_message(codec, body, message);
  if (!read) {
    const std::string& said = read.error().message;
    require(read.error().code == gateway::connect::Code::invalid_argument,
            "what cannot be read is an invalid argument");
    require(!said.empty() && utf8_length(said) != not_utf8, "and says why, in UTF-8");
    const auto response = gateway::connect::error_response(read.error());
    require(wire::parse_json(response.body).has_value(), "as JSON", response.body);
    return;
  }
  check_again(Codec::proto, message);
  check_again(Codec::json, message);
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun;
  if (size == 0) return 0;
  using gateway::connect::Codec;
  const Codec codec = (data[0] & 1U) != 0 ? Codec::json : Codec::proto;
  std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  Result<std::string> inflated;
  if ((data[0] & 2U) != 0) {
    inflated = wire::gunzip(body, gateway::connect::message_bytes_max);
    if (!inflated) return 0;
    fuzz::require(inflated->size() <= gateway::connect::message_bytes_max, "what is inflated is bounded");
    body = *inflated;
  }
  if (body.size() > gateway::connect::message_bytes_max) return 0;
  coupon::v1::GetCampaignResponse wide;
  coupon_issuance::v1::GetCampaignResponse nested;
  rpc_campaign::CreateCampaignRequest timed;
  fuzz::check(codec, body, wide);
  fuzz::check(codec, body, nested);
  fuzz::check(codec, body, timed);
  return 0;
}
