// Finds campaigns: in the cache, else in the store, one load at a time for each. Also keeps what the gate refuses by
// honest: reads such campaigns again, and loads their winners. What is asked while a question waits for a store thread
// joins it: thousands of campaigns that sell out together cost some dozens of statements. Any thread; answers come on
// the I/O thread that asked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/http.hpp>

#include "gateway/campaigns/campaign_cache.hpp"
#include "gateway/campaigns/gate.hpp"
#include "gateway/campaigns/winners.hpp"
#include "gateway/settings.hpp"
#include "gateway/store_pool.hpp"

namespace openrun::gateway {

class Directory {
 public:
  Directory(CampaignCache& cache, Winners& winners, StorePool& pool, const ports::Clock& clock,
            const crypto::UserHash& user_hash, const Settings& settings)
      : cache_(cache), winners_(winners), pool_(pool), clock_(clock), user_hash_(user_hash), settings_(settings) {}

  // The cached view, if its details are current.
  [[nodiscard]] std::optional<CampaignView> known(CampaignId campaign);

  // Error::Kind::not_found: the store says that there is none; unavailable or overloaded: nobody can say.
  using Answer = std::function<void(const Result<CampaignView>&)>;
  // Asks the store and answers later on `io`. A store that fails is no failure where the cache holds something.
  void load(ports::IoThread& io, CampaignId campaign, Answer answer);
  // known() and the answer at once, else load().
  void find(ports::IoThread& io, CampaignId campaign, Answer answer);

  struct Judgement {
    enum class Kind : std::uint8_t {
      enter,   // the log decides
      refuse,  // certainly `reason`
      winner,  // most likely holds a coupon: look it up; where there is none, `reason`
    } kind = Kind::enter;
    issuance::Outcome reason = issuance::Outcome::none;
  };
  [[nodiscard]] Judgement judge(const CampaignView& view, std::string_view user);

  // The feed saw these counters: where they say that a campaign is sold out, its winners are loaded before anybody
  // asks.
  void noticed(const CampaignView& view);

 private:
  struct Asker {
    ports::IoThread* io;
    Answer answer;
  };
  // Campaigns that one statement shall ask for.
  struct Question {
    using Ask = void (Directory::*)(ports::GatewayStore& store, std::span<const CampaignId> campaigns);
    using GiveUp = void (Directory::*)(std::span<const CampaignId> campaigns);
    Ask ask;
    GiveUp give_up;  // the pool is full
    std::vector<CampaignId> campaigns;
    bool is_submitted = false;  // and not begun
  };
  static constexpr std::size_t asked_at_once_max = 100;

  void join(Question& question, CampaignId campaign);
  void submit(Question& question);
  void begin(Question& question, ports::GatewayStore& store);

  void read_campaigns(ports::GatewayStore& store, std::span<const CampaignId> campaigns);
  void campaigns_not_read(std::span<const CampaignId> campaigns);
  void read_again(ports::GatewayStore& store, std::span<const CampaignId> campaigns);
  // What is refused is asked for again soon.
  void not_read_again(std::span<const CampaignId> /*campaigns*/) {}
  void answer_askers(CampaignId campaign, const Result<CampaignView>& answer);
  void read_winners(ports::GatewayStore& store, std::span<const CampaignId> campaigns);
  void winners_not_read(std::span<const CampaignId> campaigns);
  void refresh(CampaignId campaign);
  void load_winners(CampaignId campaign);

  CampaignCache& cache_;
  Winners& winners_;
  StorePool& pool_;
  const ports::Clock& clock_;
  const crypto::UserHash& user_hash_;
  const Settings& settings_;

  std::mutex mutex_;
  std::unordered_map<CampaignId, std::vector<Asker>> loading_;
  Question campaigns_wanted_{&Directory::read_campaigns, &Directory::campaigns_not_read, {}};
  Question refreshes_wanted_{&Directory::read_again, &Directory::not_read_again, {}};
  Question winners_wanted_{&Directory::read_winners, &Directory::winners_not_read, {}};
};

}  // namespace openrun::gateway
