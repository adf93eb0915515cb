// Asserts the invariants of every step that is about to be committed (issuance::check_step, check_progress). One thread
// at a time.
#pragma once

#include <optional>

#include <openrun/issuance/decision.hpp>
#include <openrun/issuance/event.hpp>
#include <openrun/issuance/invariants.hpp>
#include <openrun/issuance/machine.hpp>

namespace openrun::issuer {

class StepCheck {
 public:
  // Around Machine::apply(). Most records name the campaign of the record before, whose state is then still at hand.
  void before(const issuance::Machine& machine, const issuance::Event& event);
  // Aborts the daemon where the step breaks an invariant: nothing of it may be committed.
  void after(const issuance::Machine& machine, const issuance::Input& input, const issuance::Decision& decision);
  void clear() { after_.reset(); }

 private:
  std::optional<CampaignId> campaign_;
  issuance::Progress progress_;
  // Assigned, not made anew: their strings keep their memory.
  std::optional<issuance::Campaign> before_;
  std::optional<issuance::Campaign> after_;
};

}  // namespace openrun::issuer
