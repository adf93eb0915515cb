#include "gateway/connect/endpoint.hpp"

#include <algorithm>
#include <utility>

#include <openrun/wire/gzip.hpp>

#include "gateway/connect/message.hpp"
#include "gateway/connect/protocol.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway::connect {
namespace {

constexpr std::string_view proto_type = "application/proto";

class Reply final : public UnaryReply {
 public:
  Reply(Codec codec, std::shared_ptr<ports::HttpReply> reply) : codec_(codec), reply_(std::move(reply)) {}

  void succeed(const google::protobuf::Message& message) override {
    auto body = write_message(codec_, message);
    if (!body) return fail(body.error());
    ports::HttpResponse response = json_response(200, std::move(*body));
    if (codec_ == Codec::proto) response.content_type = proto_type;
    no_store(response);
    reply_->send(std::move(response));
  }
  void fail(const Failure& failure) override { reply_->send(error_response(failure)); }

 private:
  Codec codec_;
  std::shared_ptr<ports::HttpReply> reply_;
};

std::expected<std::string, Failure> inflated(std::string_view body) {
  auto text = wire::gunzip(body, message_bytes_max);
  if (text) return std::move(*text);
  const bool is_large = text.error().kind == Error::Kind::overloaded;
  return std::unexpected(Failure{is_large ? Code::resource_exhausted : Code::invalid_argument,
                                 "the message cannot be read: " + text.error().message});
}

}  // namespace

void Endpoint::handle(Call& call) const {
  const std::int64_t received_us = clock_.monotonic_us();
  const auto method = std::ranges::find(service_.methods, call.argument, &Method::name);
  if (method == service_.methods.end()) {
    call.reply->send(error_response({Code::unimplemented, "this service has no such method"}, 404));
    return;
  }
  const auto codec = codec_of(call.request.header("Content-Type"));
  if (!codec) {
    ports::HttpResponse response =
        error_response({Code::unknown, "send the message as application/json or application/proto"}, 415);
    response.headers.emplace_back("Accept-Post", "application/json, application/proto");
    call.reply->send(std::move(response));
    return;
  }
  const auto reply = std::make_shared<Reply>(*codec, call.reply);
  const auto terms = terms_of(call.request);
  if (!terms) return reply->fail(terms.error());
  std::string_view body = call.request.body;
  std::expected<std::string, Failure> owned;
  if (terms->is_gzip) {
    owned = inflated(body);
    if (!owned) return reply->fail(owned.error());
    body = *owned;
  }
  const std::unique_ptr<google::protobuf::Message> message(method->prototype().New());
  if (const auto read = read_message(*codec, body, *message); !read) return reply->fail(read.error());
  if (terms->timeout_ms == 0) return reply->fail({Code::deadline_exceeded, "the time-out is over"});
  UnaryCall unary_call{call.io, call.request, received_us, received_us + terms->timeout_ms * 1'000, reply, call.quota};
  method->run(unary_call, *message);
}

}  // namespace openrun::gateway::connect
