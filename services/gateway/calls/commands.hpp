// Campaign commands through the log: append in the campaign's partition, wait for the decision, read its result from
// the outbox. On I/O threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/issuance/event.hpp>

#include "gateway/calls/request_answer.hpp"
#include "gateway/parts.hpp"
#include "gateway/results/outcome_lookup.hpp"

namespace openrun::gateway {

struct CommandAnswer {
  enum class Kind : std::uint8_t {
    applied,      // `campaign`, as it stood right after the command
    undecided,    // in the log, and not decided within limits::command_wait_ms: `receipt`, `position`
    refused,      // `outcome`; campaign_not_found where there is no such campaign
    too_large,    // the command does not fit into one record of the log
    unavailable,  // nothing may be promised: `error`, `detail`
  } kind = Kind::unavailable;
  std::optional<issuance::Campaign> campaign;
  NamedReceipt receipt;
  std::int64_t position = 0;
  issuance::Outcome outcome = issuance::Outcome::none;
  Error::Kind error = Error::Kind::unavailable;
  std::string_view detail;  // a literal; may be empty
};

// Called exactly once, on the I/O thread that asked, perhaps before the call returns.
using OnCommandAnswer = std::function<void(CommandAnswer)>;

// How an operator's call is told from another.
struct CommandCall {
  std::string key;  // not empty
  std::optional<TraceContext> trace;
};

class Commands {
 public:
  using Action = decltype(issuance::CampaignCommand::action);

  explicit Commands(Parts& parts) : parts_(parts) {}

  // The same key again gets the same campaign again. `terms` have passed wire::check.
  void create(ports::IoThread& io, CommandCall call, issuance::CampaignTerms terms, const OnCommandAnswer& on_answer);
  // Anything but a creation, of a campaign that may or may not exist.
  void change(ports::IoThread& io, CampaignId campaign, CommandCall call, Action action, OnCommandAnswer on_answer);

  // A key for a caller who sent none.
  [[nodiscard]] static std::string generated_key();

 private:
  class Running;
  struct Creation;
  void create(ports::IoThread& io, Creation creation);
  void create_reserved(ports::IoThread& io, Creation creation, const ports::Reservation& reserved);
  void show_as_it_is(ports::IoThread& io, CampaignId campaign, const OnCommandAnswer& on_answer);
  void run(ports::IoThread& io, Partition partition, const issuance::CampaignCommand& command,
           const std::optional<TraceContext>& trace, std::int64_t begun_us, OnCommandAnswer on_answer);
  void read_result(ports::IoThread& io, const NamedReceipt& receipt, const OnCommandAnswer& on_answer);
  void tell_stored(ports::IoThread& io, const NamedReceipt& receipt, const Result<StoredCommand>& stored,
                   const OnCommandAnswer& on_answer);
  void tell_undecided(const NamedReceipt& receipt, const OnCommandAnswer& on_answer);

  Parts& parts_;
};

}  // namespace openrun::gateway
