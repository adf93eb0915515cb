#include "gateway/campaigns/directory.hpp"

#include <string>
#include <utility>

namespace openrun::gateway {

std::optional<CampaignView> Directory::known(CampaignId campaign) {
  std::optional<CampaignView> view = cache_.find(campaign);
  if (view && !view->details_current()) view.reset();
  return view;
}

void Directory::find(ports::IoThread& io, CampaignId campaign, Answer answer) {
  if (std::optional<CampaignView> view = known(campaign)) {
    answer(*view);
    return;
  }
  load(io, campaign, std::move(answer));
}

void Directory::load(ports::IoThread& io, CampaignId campaign, Answer answer) {
  {
    std::lock_guard lock(mutex_);
    std::vector<Asker>& askers = loading_[campaign];
    askers.push_back({&io, std::move(answer)});
    if (askers.size() > 1) return;
  }
  const bool accepted =
      pool_.submit([this, campaign](ports::GatewayStore& store) { loaded(campaign, store.campaign(campaign)); });
  if (!accepted) loaded(campaign, fail(Error::Kind::overloaded, "the queue to the store is full"));
}

void Directory::loaded(CampaignId campaign, const Result<std::optional<ports::StoredCampaign>>& stored) {
  Result<CampaignView> answer = fail(Error::Kind::not_found, "no such campaign");
  if (stored && *stored) {
    answer = cache_.apply(**stored, clock_.monotonic_us());
  } else if (!stored) {
    const std::optional<CampaignView> cached = cache_.find(campaign);
    answer = cached ? Result<CampaignView>(*cached) : std::unexpected(stored.error());
  }
  std::vector<Asker> askers;
  {
    std::lock_guard lock(mutex_);
    const auto found = loading_.find(campaign);
    askers = std::move(found->second);
    loading_.erase(found);
  }
  for (Asker& asker : askers) {
    asker.io->post([reply = std::move(asker.answer), answer] { reply(answer); });
  }
}

Directory::Judgement Directory::judge(const CampaignView& view, std::string_view user) {
  const std::optional<issuance::Outcome> reason = certain_refusal(view, clock_.now(), settings_.clock_skew_ms_max);
  if (!reason) return {};
  const CampaignId campaign = view.details->id;
  refresh(campaign);
  if (*reason == issuance::Outcome::not_started) return {Judgement::Kind::refuse, *reason};

  switch (winners_.ask(campaign, view.issued, user_hash_(campaign.value, user))) {
    case Winners::Answer::unknown:
      load_winners(campaign);
      return {};
    case Winners::Answer::miss:
      return {Judgement::Kind::refuse, *reason};
    case Winners::Answer::hit:
      break;
  }
  // With several coupons a user the log alone knows whether it is the limit or the same key again.
  if (view.details->terms.policy.max_per_user > 1) return {};
  return {Judgement::Kind::winner, *reason};
}

void Directory::noticed(const CampaignView& view) {
  if (view.issued < view.stock || view.issued == 0) return;
  const CampaignId campaign = view.details->id;
  const auto answer = winners_.ask(campaign, view.issued, 0);
  if (answer == Winners::Answer::unknown) load_winners(campaign);
}

// A restock that this gateway missed can't shut a campaign out for ever.
void Directory::refresh(CampaignId campaign) {
  if (!cache_.claim_refresh(campaign, clock_.monotonic_us(), settings_.campaign_refresh_ms * 1'000)) return;
  (void)pool_.submit([this, campaign](ports::GatewayStore& store) {
    const auto stored = store.campaign(campaign);
    if (stored && *stored) cache_.apply(**stored, clock_.monotonic_us());
  });
}

void Directory::load_winners(CampaignId campaign) {
  if (!winners_.begin_load(campaign, clock_.monotonic_us(), settings_.campaign_refresh_ms * 1'000)) return;
  const bool accepted = pool_.submit([this, campaign](ports::GatewayStore& store) {
    std::vector<std::uint64_t> hashes;
    const Result<std::uint32_t> issued =
        store.holders(campaign, [&](std::string_view user) { hashes.push_back(user_hash_(campaign.value, user)); });
    if (issued) {
      winners_.loaded(campaign, *issued, hashes);
    } else {
      winners_.load_failed(campaign);
    }
  });
  if (!accepted) winners_.load_failed(campaign);
}

}  // namespace openrun::gateway
