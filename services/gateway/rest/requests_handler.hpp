// POST /v1/campaigns/{id}/requests: validate, gate, append, acknowledge, and then 202 or the outcome.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class RequestsHandler {
 public:
  explicit RequestsHandler(Parts& parts) : parts_(parts), answers_(parts) {}
  void post(Call& call);

 private:
  // One request on its way in. The views are the caller's.
  struct Incoming {
    CampaignId campaign;
    std::string_view user;
    std::string_view key;
    std::optional<std::int64_t> wait_s;
    std::int64_t received_us = 0;
  };
  class Posted;

  void admit(ports::IoThread& io, const CampaignView& view, const Incoming& incoming,
             std::shared_ptr<ports::HttpReply> reply);
  void load_then_admit(ports::IoThread& io, const Incoming& incoming, std::shared_ptr<ports::HttpReply> reply);
  void show_winner(ports::IoThread& io, const Incoming& incoming, issuance::Outcome reason,
                   std::shared_ptr<ports::HttpReply> reply);
  void append(ports::IoThread& io, const CampaignView& view, const Incoming& incoming,
              std::shared_ptr<ports::HttpReply> reply);
  void refuse(issuance::Outcome reason, ports::HttpReply& reply);

  Parts& parts_;
  RequestAnswers answers_;
};

}  // namespace openrun::gateway
