// For tests: what a store would hold, kept in memory. A machine can be restored from it at any record.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/machine.hpp>

namespace openrun::issuance::testing {

class Rows {
 public:
  // What machine.hpp says must be written for this decision of `after`, the machine right after it.
  void commit(const Machine& after, const Event& event, const Decision& decision);

  // A new machine from the snapshot; details are to be restored as records name them.
  [[nodiscard]] static Machine restart(const Machine& machine, std::uint64_t hash_seed);
  void restore_missing(Machine& machine, const Event& event, std::uint64_t hash_seed) const;

  [[nodiscard]] CampaignDetail detail(CampaignId campaign, std::uint64_t hash_seed) const;

 private:
  struct Coupon {
    CampaignId campaign;
    std::string user;
    std::string key;
    Claim claim;
  };
  struct Command {
    CampaignId campaign;
    RememberedCommand remembered;
  };
  std::vector<Coupon> coupons_;
  std::vector<Command> commands_;
};

// What the two machines hold, details included. A detail that only one of them has restored does not count.
[[nodiscard]] bool same_state(const Machine& left, const Machine& right);

}  // namespace openrun::issuance::testing
