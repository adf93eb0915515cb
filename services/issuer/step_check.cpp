#include "issuer/step_check.hpp"

#include <string>
#include <utility>
#include <vector>

#include <openrun/base/assert.hpp>

namespace openrun::issuer {
namespace {

void assign(std::optional<issuance::Campaign>& to, const issuance::Campaign* from) {
  if (from == nullptr) {
    to.reset();
  } else {
    to = *from;
  }
}

void assert_none(const std::vector<issuance::Violation>& violations) {
  if (violations.empty()) return;
  const std::string text = violations.front().invariant + ": " + violations.front().detail;
  OPENRUN_ASSERT(violations.empty(), text.c_str());
}

}  // namespace

void StepCheck::before(const issuance::Machine& machine, const issuance::Event& event) {
  campaign_ = issuance::campaign_of(event);
  progress_ = {machine.next_offset(), machine.log_time()};
  if (!campaign_) return;
  if (after_ && after_->id == *campaign_) {
    std::swap(before_, after_);
  } else {
    assign(before_, machine.find(*campaign_));
  }
}

void StepCheck::after(const issuance::Machine& machine, const issuance::Input& input,
                      const issuance::Decision& decision) {
  assert_none(issuance::check_progress(progress_, decision, {machine.next_offset(), machine.log_time()}));
  if (!campaign_) return;
  assign(after_, machine.find(*campaign_));
  assert_none(issuance::check_step(before_, decision, after_, issuance::judged_at(input.event, machine.log_time())));
}

}  // namespace openrun::issuer
