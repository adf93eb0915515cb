// The operator's page: one document for "/admin", and the files that it loads, all from memory. It holds no secret:
// what it shows it asks for with the token that the operator types in. Any thread after construction.
#pragma once

#include "gateway/rest/routes.hpp"
#include "gateway/web/static_file.hpp"

namespace openrun::gateway {

class AdminHandler {
 public:
  AdminHandler();
  void document(Call& call);
  // /admin/{}: 404 as a problem document for what is not there.
  void file(Call& call) { files_.answer(call); }

 private:
  StaticFile document_;
  StaticFiles files_;
};

}  // namespace openrun::gateway
