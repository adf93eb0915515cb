#include "gateway/starting.hpp"

#include <utility>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

void Starting::waiting_for(std::string server) {
  const std::lock_guard lock(mutex_);
  server_ = std::move(server);
}

std::string Starting::reason() {
  const std::string trouble = trouble_ ? trouble_() : "";
  const std::lock_guard lock(mutex_);
  return "This gateway is starting and waits for " + server_ + (trouble.empty() ? "." : ": " + trouble + ".");
}

ports::HttpHandler Starting::handler() {
  return [this](ports::IoThread&, const ports::HttpRequest& request, std::shared_ptr<ports::HttpReply> reply) {
    if (request.path == "/livez") return reply->send(json_response(200, R"({"status":"live"})"));
    if (request.path != "/readyz") return reply->send(overloaded(reason()));
    ports::HttpResponse response = problem(503, "NOT_READY", reason());
    response.headers.emplace_back("Retry-After", "1");
    reply->send(std::move(response));
  };
}

}  // namespace openrun::gateway
