// What is asked after everything is settled.
#include <algorithm>

#include "workload.hpp"

namespace openrun::simulation {
namespace {

using ports::HttpMethod;

constexpr std::int64_t patience_us = 8'000'000;

}  // namespace

HttpCall late_request(CampaignId campaign, const std::string& user) {
  return {HttpMethod::post,
          "/v1/campaigns/" + std::to_string(campaign.value) + "/requests",
          R"({"user_id":")" + user + R"("})",
          {{"Content-Type", "application/json"}, {"Idempotency-Key", "late"}, {"Prefer", "wait=5"}}};
}

void Workload::verify(std::int64_t until_us) {
  for (std::size_t gateway = 0; gateway < gateways_.size(); ++gateway) {
    for (const std::string& receipt : std::set(checker_.receipts())) {
      check_receipt(gateway, receipt, until_us);
      if (context_.random.chance(30)) check_stranger(gateway, receipt, until_us);
    }
    for (const auto& [id, rows] : context_.database.campaigns()) {
      ++open_checks_;
      check_campaign(gateway, id, until_us, false);
    }
  }
}

void Workload::check_receipt(std::size_t gateway, const std::string& receipt, std::int64_t until_us) {
  ++open_checks_;
  HttpCall call{HttpMethod::get, "/v1/requests/" + receipt, "", {{"Prefer", "wait=5"}}};
  const Asked asked{Asked::Kind::poll, {}, "", "", receipt, 0, true};
  ask(*gateways_[gateway], call, asked, patience_us, [this, gateway, receipt, until_us](const Told& told) {
    --open_checks_;
    if (told.decided() || told.state == "failed") return;
    if (context_.scheduler.now_us() < until_us) return check_receipt(gateway, receipt, until_us);
    context_.violate(gateways_[gateway]->name() + " never answered for " + receipt);
  });
}

void Workload::check_stranger(std::size_t gateway, const std::string& receipt, std::int64_t until_us) {
  auto place = Keys::get().signer.verify(receipt);
  place->nonce ^= 1U + context_.random.below(1'000);
  const std::string forged = Keys::get().signer.sign(*place);
  ++open_checks_;
  HttpCall call{HttpMethod::get, "/v1/requests/" + forged, "", {}};
  Asked asked{Asked::Kind::poll, {}, "", "", forged, 0, true};
  asked.stranger = true;
  ask(*gateways_[gateway], call, asked, patience_us, [this, gateway, receipt, until_us](const Told& told) {
    --open_checks_;
    if (told.status == 410) return;
    if (context_.scheduler.now_us() < until_us) return check_stranger(gateway, receipt, until_us);
    context_.violate(gateways_[gateway]->name() + " never refused a receipt of another life of the log");
  });
}

// The first request makes a gateway that still refuses look again; a second later its refusal must be true.
void Workload::check_campaign(std::size_t gateway, CampaignId campaign, std::int64_t until_us, bool again) {
  const std::string user = "late-" + std::to_string(gateway);
  const Asked asked{Asked::Kind::request, campaign, user, "late", "", 0, again};
  ask(*gateways_[gateway], late_request(campaign, user), asked, patience_us,
      [this, gateway, campaign, until_us, again](const Told& told) {
        const bool done = told.status == 201 || told.status == 409;
        if (done && again) {
          check_winners(gateway, campaign, until_us);
          --open_checks_;
        } else if (context_.scheduler.now_us() >= until_us) {
          --open_checks_;
          context_.violate(gateways_[gateway]->name() + " never decided a late request");
        } else {
          context_.scheduler.after(2'000'000, [this, gateway, campaign, until_us, done] {
            check_campaign(gateway, campaign, until_us, done);
          });
        }
      });
}

void Workload::check_winners(std::size_t gateway, CampaignId campaign, std::int64_t until_us) {
  const sim::CampaignRows* rows = context_.database.find(campaign);
  if (rows->row.campaign.terms.policy.max_per_user != 1) return;
  constexpr std::int32_t newest_asked = 5;
  std::int32_t asked = 0;
  for (auto row = rows->coupons.rbegin(); row != rows->coupons.rend(); ++row) {
    if (++asked <= newest_asked || context_.random.chance(100)) {
      check_winner(gateway, campaign, row->second.user, until_us);
    }
  }
}

void Workload::check_winner(std::size_t gateway, CampaignId campaign, const std::string& user, std::int64_t until_us) {
  ++open_checks_;
  context_.coverage.count(Situation::winner_asked_again_at_the_end);
  const Asked asked{Asked::Kind::request, campaign, user, "late", "", 0, true};
  ask(*gateways_[gateway], late_request(campaign, user), asked, patience_us,
      [this, gateway, campaign, user, until_us](const Told& told) {
        --open_checks_;
        if (told.status == 201 || told.status == 409) return;
        if (context_.scheduler.now_us() < until_us) return check_winner(gateway, campaign, user, until_us);
        context_.violate(gateways_[gateway]->name() + " never told a winner what it holds");
      });
}

}  // namespace openrun::simulation
