// What must hold of a state, and of a step from one state to the next. Shared by the core's tests, the simulator, the
// issuer (which asserts the step invariants of what it is about to commit), the reconciler and the audit. (After
// logcabin's RaftConsensusInvariants: of a state and of a transition apart.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/issuance/machine.hpp>

namespace openrun::issuance {

struct Violation {
  std::string invariant;  // stable snake_case name, also a metric label
  CampaignId campaign;
  std::string detail;
};

// What a store holds about one campaign, as counted there.
struct StoredCampaign {
  CampaignId campaign;
  std::int64_t stock = 0;
  std::int64_t issued = 0;        // the counter
  std::int64_t coupons = 0;       // rows counted
  std::int64_t sequence_min = 0;  // 0 without rows
  std::int64_t sequence_max = 0;
  std::int64_t duplicate_claims = 0;  // (user, key) pairs that stand more than once
  std::int64_t offset_max = -1;       // the highest request_offset of a coupon, -1 without rows
  std::int64_t next_offset = 0;       // of the coupons' partition
};

// issued = coupons <= stock; sequences are 1..issued without gap; no duplicate claims; every coupon's offset is
// decided.
[[nodiscard]] std::vector<Violation> check_stored(const StoredCampaign& campaign);

// issued <= stock, claims = issued, terms within limits, times in order, for every campaign of the machine.
[[nodiscard]] std::vector<Violation> check_state(const Machine& machine);

// One step of one campaign, the one that the decision names (both empty where it names none or none is there): a coupon
// is issued iff `issued` grew by one to the decision's sequence; nothing is issued while paused, closed, before the
// start, after the end (by `judged_at`, see event.hpp) or beyond the stock; no request is refused without its cause;
// closed is final; only an applied command changes anything else.
[[nodiscard]] std::vector<Violation> check_step(const std::optional<Campaign>& before, const Decision& decision,
                                                const std::optional<Campaign>& after, Timestamp judged_at);

// One step of the partition: next_offset grows past the decision's offset, log time never runs back, and what is
// decided now carries the log time of now.
struct Progress {
  Offset next_offset;
  Timestamp log_time;
};
[[nodiscard]] std::vector<Violation> check_progress(const Progress& before, const Decision& decision,
                                                    const Progress& after);

}  // namespace openrun::issuance
