// GET of coupons: by code, of a campaign, of a user.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class CouponsHandler {
 public:
  explicit CouponsHandler(Parts& parts) : parts_(parts) {}

  void by_code(Call& call);      // its owner or an admin
  void of_campaign(Call& call);  // admin; ?after=<sequence>&limit=; as CSV all of them, streamed
  void of_user(Call& call);      // that user or an admin

 private:
  struct Page {
    CampaignId campaign;
    Sequence after;
    std::optional<std::uint64_t> rows_max;
  };
  void list(ports::IoThread& io, const Page& page, std::shared_ptr<ports::HttpReply> reply);
  void export_all(ports::IoThread& io, const Page& page, std::shared_ptr<ports::HttpReply> reply);

  Parts& parts_;
};

}  // namespace openrun::gateway
