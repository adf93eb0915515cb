// Which pages of other origins may read the answers (CORS, the Fetch standard): those that the configuration names. No
// cookies: whoever calls from a page sends its tokens and receipts itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/http.hpp>

namespace openrun::gateway {

// Thread-safe after construction.
class Cors {
 public:
  // `origins`: as browsers write them, such as https://shop.example, separated by commas; or `*`: all. Empty: none.
  explicit Cors(std::string_view origins);

  [[nodiscard]] bool is_on() const { return allows_all_ || !origins_.empty(); }
  // The reply to hand on: it adds to the answer what this request's origin may read. An answer 204 to OPTIONS with
  // Allow is taken for that to a preflight, where the request is one. Only where is_on(); must not outlive this.
  [[nodiscard]] std::shared_ptr<ports::HttpReply> wrap(const ports::HttpRequest& request,
                                                       std::shared_ptr<ports::HttpReply> reply) const;

 private:
  class Reply;
  // What Access-Control-Allow-Origin is to say; empty where the origin is not allowed. Lives as long as this.
  [[nodiscard]] std::string_view allowed(std::string_view origin) const;

  bool allows_all_ = false;
  std::vector<std::string> origins_;
};

}  // namespace openrun::gateway
