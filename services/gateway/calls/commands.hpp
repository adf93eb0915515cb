// Campaign commands through the log: append in the campaign's partition, wait for the decision, read its result from
// the outbox.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <openrun/issuance/event.hpp>

#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/results/outcome_lookup.hpp"

namespace openrun::gateway {

class Commands {
 public:
  explicit Commands(Parts& parts) : parts_(parts), answers_(parts) {}

  // Answers `applied_status` (200 or 201) with the campaign after it, 409 or 404 with the refusal's name, or 202 with
  // the receipt's Location where it is not decided within limits::command_wait_ms.
  void run(ports::IoThread& io, Partition partition, const issuance::CampaignCommand& command, unsigned applied_status,
           std::shared_ptr<ports::HttpReply> reply);

 private:
  class Running;
  void read_result(ports::IoThread& io, const NamedReceipt& receipt, unsigned applied_status,
                   std::shared_ptr<ports::HttpReply> reply);
  void answer(ports::IoThread& io, const NamedReceipt& receipt, unsigned applied_status,
              const Result<StoredCommand>& stored, const std::shared_ptr<ports::HttpReply>& reply);
  void undecided(const NamedReceipt& receipt, ports::HttpReply& reply);

  Parts& parts_;
  RequestAnswers answers_;
};

// 201 or 200 with the campaign as JSON; Location with 201.
[[nodiscard]] ports::HttpResponse campaign_response(unsigned status, const issuance::Campaign& campaign, Timestamp now);

}  // namespace openrun::gateway
