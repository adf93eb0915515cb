// For tests: the rules written a second time, as simply as they can be said and without a look at the machine: lists
// that are searched from the front, nothing counted that can be counted again. Slow and small, so that a reader can
// check it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openrun/issuance/decision.hpp>
#include <openrun/issuance/event.hpp>

namespace openrun::issuance::testing {

class ReferenceModel {
 public:
  Decision decide(const Input& input);

  struct Campaign {
    CampaignId id;
    CampaignTerms terms;
    bool paused = false;
    bool closed = false;
  };
  struct Coupon {
    CampaignId campaign;
    std::string user;
    std::string key;
    Sequence sequence;
    Timestamp issued_at;
    std::uint32_t nonce;
  };

  [[nodiscard]] const Campaign* find(CampaignId id) const;
  [[nodiscard]] std::vector<Coupon> coupons_of(CampaignId id) const;
  [[nodiscard]] const std::vector<Offset>& open_dead_letters() const { return open_; }
  [[nodiscard]] Timestamp now() const { return now_; }

 private:
  struct Answered {
    CampaignId campaign;
    std::string key;
    Offset offset;
  };

  void ask(const IssueRequested& request, Timestamp judged_at, Decision& decision);
  void command(const CampaignCommand& command, Decision& decision);
  Outcome carry_out(Campaign& campaign, const CampaignCommand& command) const;
  Outcome alter(Campaign& campaign, const ChangeCampaign& change) const;
  void replay(const Replay& replay, Decision& decision);

  Timestamp now_;
  std::vector<Campaign> campaigns_;
  std::vector<Coupon> coupons_;
  std::vector<Answered> answered_;
  std::vector<Offset> open_;
};

}  // namespace openrun::issuance::testing
