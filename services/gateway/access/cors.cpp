#include "gateway/access/cors.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {
namespace {

constexpr std::string_view request_headers =
    "Authorization, Content-Type, Idempotency-Key, Prefer, X-User-Id, Last-Event-ID, Connect-Protocol-Version, "
    "Connect-Timeout-Ms, traceparent, tracestate";
constexpr std::string_view response_headers =
    "Location, Retry-After, Preference-Applied, RateLimit, RateLimit-Policy, Content-Disposition, WWW-Authenticate";
constexpr std::string_view preflight_age_s = "7200";  // browsers take no more

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

class Cors::Reply final : public ports::HttpReply {
 public:
  Reply(std::shared_ptr<ports::HttpReply> inner, std::string_view allowed, bool varies, bool is_preflight)
      : inner_(std::move(inner)), allowed_(allowed), varies_(varies), is_preflight_(is_preflight) {}

  void send(ports::HttpResponse response) override {
    add_to(response);
    inner_->send(std::move(response));
  }
  [[nodiscard]] std::shared_ptr<ports::HttpStream> stream(ports::HttpResponse head) override {
    add_to(head);
    return inner_->stream(std::move(head));
  }
  [[nodiscard]] bool abandoned() const override { return inner_->abandoned(); }

 private:
  void add_to(ports::HttpResponse& response) const {
    // Also to who is not allowed: a cache must not hand that answer to who is.
    if (varies_) response.headers.emplace_back("Vary", "Origin");
    if (allowed_.empty()) return;
    response.headers.emplace_back("Access-Control-Allow-Origin", allowed_);
    if (!is_preflight_ || response.status != 204) {
      response.headers.emplace_back("Access-Control-Expose-Headers", response_headers);
      return;
    }
    const auto allow = std::ranges::find(response.headers, "Allow", [](const auto& header) { return header.first; });
    if (allow == response.headers.end()) return;
    std::string methods = allow->second;
    response.headers.emplace_back("Access-Control-Allow-Methods", std::move(methods));
    response.headers.emplace_back("Access-Control-Allow-Headers", request_headers);
    response.headers.emplace_back("Access-Control-Max-Age", preflight_age_s);
  }

  std::shared_ptr<ports::HttpReply> inner_;
  const std::string_view allowed_;
  const bool varies_;
  const bool is_preflight_;
};

Cors::Cors(std::string_view origins) {
  while (!origins.empty()) {
    const std::size_t comma = origins.find(',');
    const std::string_view origin = trim(origins.substr(0, comma));
    origins.remove_prefix(comma == std::string_view::npos ? origins.size() : comma + 1);
    if (origin == "*") {
      allows_all_ = true;
    } else if (!origin.empty()) {
      origins_.emplace_back(origin);
    }
  }
}

std::string_view Cors::allowed(std::string_view origin) const {
  if (origin.empty()) return {};
  if (allows_all_) return "*";
  const auto found = std::ranges::find(origins_, origin);
  return found == origins_.end() ? std::string_view() : std::string_view(*found);
}

std::shared_ptr<ports::HttpReply> Cors::wrap(const ports::HttpRequest& request,
                                             std::shared_ptr<ports::HttpReply> reply) const {
  const bool is_preflight =
      request.method == ports::HttpMethod::options && !request.header("Access-Control-Request-Method").empty();
  return std::make_shared<Reply>(std::move(reply), allowed(request.header("Origin")), !allows_all_, is_preflight);
}

}  // namespace openrun::gateway
