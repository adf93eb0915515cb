#include "gateway/web/web_handler.hpp"

#include <string>
#include <utility>

#include <embedded/openapi_yaml.hpp>
#include <embedded/openrun_client_js.hpp>

namespace openrun::gateway {

namespace {

ports::HttpResponse file(std::string_view content_type, std::string_view content) {
  ports::HttpResponse response;
  response.content_type = content_type;
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.body = std::string(content);
  return response;
}

}  // namespace

void WebHandler::openapi(Call& call) {
  call.reply->send(file("application/yaml", embedded::openapi_yaml));
}

void WebHandler::client(Call& call) {
  call.reply->send(file("text/javascript; charset=utf-8", embedded::openrun_client_js));
}

}  // namespace openrun::gateway
