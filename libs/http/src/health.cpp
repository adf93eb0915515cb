#include <utility>

#include <openrun/http/health.hpp>

#include "problem.hpp"

namespace openrun::http {
namespace {

ports::HttpResponse plain(std::string text) {
  ports::HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(text);
  return response;
}

ports::HttpResponse readiness(const std::string& not_ready_reason) {
  if (not_ready_reason.empty()) return plain("ready\n");
  return problem_response({503, "OVERLOADED", not_ready_reason});
}

}  // namespace

ports::HttpHandler health_handler(ports::Metrics& metrics, std::function<std::string()> not_ready_reason) {
  return [&metrics, reason = std::move(not_ready_reason)](ports::IoThread&, const ports::HttpRequest& request,
                                                          std::shared_ptr<ports::HttpReply> reply) {
    if (request.path != "/livez" && request.path != "/readyz" && request.path != "/metrics") {
      return reply->send(problem_response({404, "NOT_FOUND", "There are /livez, /readyz and /metrics."}));
    }
    if (request.method != ports::HttpMethod::get && request.method != ports::HttpMethod::head) {
      auto response = problem_response({405, "METHOD_NOT_ALLOWED", "Use GET or HEAD."});
      response.headers.emplace_back("Allow", "GET, HEAD");
      return reply->send(std::move(response));
    }
    if (request.path == "/livez") return reply->send(plain("alive\n"));
    if (request.path == "/readyz") return reply->send(readiness(reason()));
    auto response = plain(metrics.text());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply->send(std::move(response));
  };
}

}  // namespace openrun::http
