// POST, PATCH and GET of campaigns, stock, pause, resume, close.
#pragma once

#include <optional>
#include <string>

#include <openrun/issuance/event.hpp>

#include "gateway/calls/commands.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class CampaignsHandler {
 public:
  explicit CampaignsHandler(Parts& parts) : parts_(parts), commands_(parts), answers_(parts) {}

  void create(Call& call);
  void change(Call& call);
  void add_stock(Call& call);
  void pause(Call& call);
  void resume(Call& call);
  void close(Call& call);
  void get(Call& call);
  void list(Call& call);

 private:
  // Answers 401 or 400 and returns nothing where the call may not go on; else its key, generated where none was sent.
  [[nodiscard]] std::optional<CommandCall> admit(Call& call);
  void without_body(Call& call, Commands::Action action);
  void run_on_known(Call& call, CommandCall command, Commands::Action action);
  // 201 or 200 with the campaign after the command, 409 or 404 with the refusal's name, 202 with a receipt.
  [[nodiscard]] OnCommandAnswer answer(const Call& call, unsigned applied_status) const;

  Parts& parts_;
  Commands commands_;
  RequestAnswers answers_;
};

}  // namespace openrun::gateway
