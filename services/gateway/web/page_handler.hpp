// The page for the people who wait: one document for "/" and "/c/{id}", and the files that it loads, all from memory.
#pragma once

#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"
#include "gateway/web/static_file.hpp"

namespace openrun::gateway {

// Every answer carries a Content-Security-Policy that allows nothing from elsewhere and nothing inline, and an ETag by
// which a browser asks again without loading anew. Any thread after construction.
class PageHandler {
 public:
  explicit PageHandler(Parts& parts);

  void home(Call& call);
  // 404 with the same document where there is no such campaign: the document's script says so in the user's language.
  // A campaign that nobody can look up just now gets 200, because the page asks again by itself.
  void campaign(Call& call);
  // /page/{}: 404 as a problem document for what is not there.
  void file(Call& call) { files_.answer(call); }

 private:
  [[nodiscard]] const StaticFile& document(const ports::HttpRequest& request) const;
  [[nodiscard]] static ports::HttpResponse document_answer(const StaticFile& document, unsigned status,
                                                           std::string_view if_none_match);

  Parts& parts_;
  StaticFile korean_;
  StaticFile english_;
  StaticFiles files_;
};

}  // namespace openrun::gateway
