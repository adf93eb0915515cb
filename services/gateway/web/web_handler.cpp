#include "gateway/web/web_handler.hpp"

#include <string>
#include <utility>

#include <embedded/openapi_yaml.hpp>

namespace openrun::gateway {

void WebHandler::openapi(Call& call) {
  ports::HttpResponse response;
  response.content_type = "application/yaml";
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.body = std::string(embedded::openapi_yaml);
  call.reply->send(std::move(response));
}

}  // namespace openrun::gateway
