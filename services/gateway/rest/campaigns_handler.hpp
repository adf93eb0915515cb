// POST, PATCH and GET of campaigns, stock, pause, resume, close.
#pragma once

#include <optional>
#include <string>

#include <openrun/issuance/event.hpp>

#include "gateway/calls/commands.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class CampaignsHandler {
 public:
  explicit CampaignsHandler(Parts& parts) : parts_(parts), commands_(parts) {}

  void create(Call& call);
  void change(Call& call);
  void add_stock(Call& call);
  void pause(Call& call);
  void resume(Call& call);
  void close(Call& call);
  void get(Call& call);
  void list(Call& call);

 private:
  using Action = decltype(issuance::CampaignCommand::action);

  // Answers 401 or 400 and returns nothing where the call may not go on; else its key, generated where none was sent.
  [[nodiscard]] std::optional<std::string> admit(Call& call);
  void without_body(Call& call, Action action);
  void run_on_known(Call& call, std::string key, Action action);

  Parts& parts_;
  Commands commands_;
};

}  // namespace openrun::gateway
