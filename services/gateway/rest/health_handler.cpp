#include "gateway/rest/health_handler.hpp"

#include <utility>

#include <openrun/wire/json.hpp>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

void HealthHandler::live(Call& call) {
  call.reply->send(json_response(200, R"({"status":"live"})"));
}

void HealthHandler::ready(Call& call) {
  const Observed observed = observe_();
  const std::vector<std::string> reasons = not_ready_reasons(observed, settings_);
  if (reasons.empty()) {
    std::string body;
    wire::JsonWriter json(body);
    json.begin_object().key("status").string("ready");
    if (!observed.store_trouble.empty()) json.key("store").string(observed.store_trouble);
    if (!observed.log_trouble.empty()) json.key("log").string(observed.log_trouble);
    json.end_object();
    return call.reply->send(json_response(200, std::move(body)));
  }
  ports::HttpResponse response = problem(503, "NOT_READY", reasons.front(), [&](wire::JsonWriter& json) {
    json.key("reasons").begin_array();
    for (const std::string& reason : reasons) json.string(reason);
    json.end_array();
  });
  response.headers.emplace_back("Retry-After", "1");
  call.reply->send(std::move(response));
}

void HealthHandler::metrics(Call& call) {
  before_metrics_();
  ports::HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_.text();
  call.reply->send(std::move(response));
}

}  // namespace openrun::gateway
