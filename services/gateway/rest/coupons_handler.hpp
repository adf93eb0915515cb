// GET of coupons: by code, of a campaign, of a user.
#pragma once

#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class CouponsHandler {
 public:
  explicit CouponsHandler(Parts& parts) : parts_(parts) {}

  void by_code(Call& call);      // its owner or an admin
  void of_campaign(Call& call);  // admin; ?after=<sequence>&limit=
  void of_user(Call& call);      // that user or an admin

 private:
  Parts& parts_;
};

}  // namespace openrun::gateway
