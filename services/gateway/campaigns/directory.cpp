#include "gateway/campaigns/directory.hpp"

#include <algorithm>
#include <cstddef>
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
  join(campaigns_wanted_, campaign);
}

// ---- questions ----

void Directory::join(Question& question, CampaignId campaign) {
  bool has_room = false;
  {
    std::lock_guard lock(mutex_);
    has_room = question.campaigns.size() < static_cast<std::size_t>(settings_.store_queue_max) * asked_at_once_max;
    if (has_room) question.campaigns.push_back(campaign);
    if (has_room && std::exchange(question.is_submitted, true)) return;
  }
  if (has_room) {
    submit(question);
  } else {
    (this->*question.give_up)({&campaign, 1});
  }
}

void Directory::submit(Question& question) {
  if (pool_.submit([this, &question](ports::GatewayStore& store) { begin(question, store); })) return;
  std::vector<CampaignId> campaigns;
  {
    std::lock_guard lock(mutex_);
    question.is_submitted = false;
    campaigns.swap(question.campaigns);
  }
  (this->*question.give_up)(campaigns);
}

void Directory::begin(Question& question, ports::GatewayStore& store) {
  std::vector<CampaignId> campaigns;
  bool is_more = false;
  {
    std::lock_guard lock(mutex_);
    const auto first = question.campaigns.begin();
    const auto count = std::min(question.campaigns.size(), asked_at_once_max);
    const auto end = first + static_cast<std::ptrdiff_t>(count);
    campaigns.assign(first, end);
    question.campaigns.erase(first, end);
    is_more = !question.campaigns.empty();
    question.is_submitted = is_more;
  }
  // Before this one is asked: another thread may be free for the rest.
  if (is_more) submit(question);
  (this->*question.ask)(store, campaigns);
}

// ---- campaigns ----

void Directory::read_campaigns(ports::GatewayStore& store, std::span<const CampaignId> campaigns) {
  const auto stored = store.campaigns_named(campaigns);
  std::vector<CampaignId> left(campaigns.begin(), campaigns.end());
  if (stored) {
    for (const ports::StoredCampaign& one : *stored) {
      answer_askers(one.campaign.id, cache_.apply(one, clock_.monotonic_us()));
      std::erase(left, one.campaign.id);
    }
  }
  for (const CampaignId campaign : left) {
    answer_askers(campaign,
                  stored ? fail(Error::Kind::not_found, "no such campaign") : std::unexpected(stored.error()));
  }
}

void Directory::campaigns_not_read(std::span<const CampaignId> campaigns) {
  for (const CampaignId campaign : campaigns) {
    answer_askers(campaign, fail(Error::Kind::overloaded, "the queue to the store is full"));
  }
}

void Directory::answer_askers(CampaignId campaign, const Result<CampaignView>& answer) {
  std::vector<Asker> askers;
  {
    std::lock_guard lock(mutex_);
    const auto found = loading_.find(campaign);
    askers = std::move(found->second);
    loading_.erase(found);
  }
  Result<CampaignView> told = answer;
  if (!told && told.error().kind != Error::Kind::not_found) {
    if (auto cached = cache_.find(campaign)) told = *cached;
  }
  for (Asker& asker : askers) {
    asker.io->post([reply = std::move(asker.answer), told] { reply(told); });
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
  join(refreshes_wanted_, campaign);
}

void Directory::read_again(ports::GatewayStore& store, std::span<const CampaignId> campaigns) {
  const auto stored = store.campaigns_named(campaigns);
  if (!stored) return;
  for (const ports::StoredCampaign& one : *stored) cache_.apply(one, clock_.monotonic_us());
}

// ---- winners ----

void Directory::load_winners(CampaignId campaign) {
  if (!winners_.begin_load(campaign, clock_.monotonic_us(), settings_.campaign_refresh_ms * 1'000)) return;
  join(winners_wanted_, campaign);
}

// One campaign's at a time is in memory here.
void Directory::read_winners(ports::GatewayStore& store, std::span<const CampaignId> campaigns) {
  std::vector<CampaignId> left(campaigns.begin(), campaigns.end());
  CampaignId told;
  std::vector<std::uint64_t> hashes;
  const auto take_told = [&] {
    if (hashes.empty()) return;
    winners_.loaded(told, static_cast<std::uint32_t>(hashes.size()), hashes);
    std::erase(left, told);
    hashes.clear();
  };
  const auto read = store.holders(campaigns, [&](CampaignId campaign, std::string_view user) {
    if (campaign != told) take_told();
    told = campaign;
    hashes.push_back(user_hash_(campaign.value, user));
  });
  if (!read) return winners_not_read(left);
  take_told();
  for (const CampaignId campaign : left) winners_.loaded(campaign, 0, {});
}

void Directory::winners_not_read(std::span<const CampaignId> campaigns) {
  for (const CampaignId campaign : campaigns) winners_.load_failed(campaign);
}

}  // namespace openrun::gateway
