// Decides records of the log once more, by the issuer's own decision code (libs/issuance, wire::read_record), from a
// given state on. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/invariants.hpp>
#include <openrun/issuance/machine.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/wire/read_record.hpp>

namespace openrun::cli {

// Where a re-execution begins.
struct StartState {
  issuance::PartitionSnapshot snapshot;
  std::map<CampaignId, issuance::CampaignDetail> details;  // of each of the snapshot's campaigns
  std::map<CampaignId, Digest> heads;                      // of their coupon chains
  // Campaigns that were there already, but how they stood can't be told any more: what names them is not decided again.
  std::set<CampaignId> unknown;
};

// What only the store knows about a record.
struct Verdict {
  const std::string* refusal = nullptr;  // the store refused it
  bool replay_of_discarded = false;      // it is a replay of a dead letter that an operator had given up
};

struct Step {
  wire::ReadRecord read;
  issuance::Decision decision;
  const issuance::Campaign* before = nullptr;  // the campaign that it names, null where there is none; until the next
  const issuance::Campaign* after = nullptr;
  bool known = true;                            // false: the decision says nothing, see StartState::unknown
  std::vector<issuance::Violation> violations;  // of this step, by the core's own rules
};

class Reexecution {
 public:
  explicit Reexecution(StartState start);

  // Offsets ascend. The step's event points into the record's bytes. Error::Kind::invalid: the record asks for decision
  // rules that this build does not know.
  [[nodiscard]] Result<Step> apply(const ports::LogRecord& record, const Verdict& verdict);

  [[nodiscard]] const issuance::Machine& machine() const { return machine_; }
  [[nodiscard]] bool is_unknown(CampaignId campaign) const { return unknown_.contains(campaign); }
  [[nodiscard]] const std::set<CampaignId>& unknown() const { return unknown_; }

 private:
  [[nodiscard]] issuance::Event event_for_machine(const Step& step, const Verdict& verdict) const;

  issuance::Machine machine_;
  std::set<CampaignId> unknown_;
  // Assigned, not made anew: their strings keep their memory.
  std::optional<issuance::Campaign> before_;
  std::optional<issuance::Campaign> after_;
};

}  // namespace openrun::cli
