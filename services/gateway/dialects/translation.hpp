// What the dialects share: their words read into the calls' values, and the three calls that all of them have. Answers
// come once, on the I/O thread that asked, perhaps before the call returns.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>

#include "gateway/calls/commands.hpp"
#include "gateway/calls/issuing.hpp"
#include "gateway/connect/unary.hpp"
#include "gateway/dialects/refusal.hpp"
#include "gateway/parts.hpp"

namespace openrun::gateway::dialects {

template <class T>
using Answer = std::expected<T, Refusal>;

// ---- words ----
// Empty where no campaign can have this id.
[[nodiscard]] std::optional<CampaignId> campaign_of(std::int64_t id);
// `field` is the dialect's name for it, in what a refusal says.
[[nodiscard]] Answer<std::uint32_t> stock_of(std::int64_t count, std::string_view field);
[[nodiscard]] Answer<Timestamp> time_of(std::string_view text, std::string_view field);  // RFC 3339
// What a field of 32 bits can show of a count.
[[nodiscard]] std::int32_t int32_of(std::int64_t count);

// ---- calls ----
struct ShownCampaign {
  issuance::Campaign campaign;
  std::vector<std::string> codes;  // in order of issue
};

struct Issued {
  CampaignId campaign;
  std::string user;
  IssuedCoupon coupon;
};

class Translation {
 public:
  explicit Translation(Parts& parts) : parts_(parts), commands_(parts), issuing_(parts) {}

  // With an admin's token, or where connect.open_admin lifts that. `name_field` is what the dialect calls its name.
  void create(connect::UnaryCall& call, issuance::CampaignTerms terms, std::string_view name_field,
              std::function<void(Answer<issuance::Campaign>)> on_answer);
  // As this gateway knows it.
  void find(connect::UnaryCall& call, std::optional<CampaignId> campaign,
            std::function<void(Answer<issuance::Campaign>)> on_answer);
  // The same with the codes issued so far, at most connect.codes_max, for whoever may create.
  void show(connect::UnaryCall& call, std::optional<CampaignId> campaign,
            std::function<void(Answer<ShownCampaign>)> on_answer);
  // Waits for the outcome until the call's deadline. `named`: the user
  // that the message names, empty where it names nobody; in auth.mode jwt the token says who it is.
  void issue(connect::UnaryCall& call, std::optional<CampaignId> campaign, const std::optional<std::string>& named,
             std::function<void(Answer<Issued>)> on_answer);

  // A number's decimal text. 0 is what a message without a user has: nobody, where the token says who it is.
  [[nodiscard]] std::optional<std::string> user_of(std::int64_t number) const;
  // The same of text; where nothing says who it is, the text is refused later.
  [[nodiscard]] std::optional<std::string> user_of(const std::string& text) const;
  [[nodiscard]] Timestamp now() const { return parts_.clock.now(); }
  // For a message that has no place for a user: a new one each time, or nobody where the token says who it is.
  [[nodiscard]] std::optional<std::string> anonymous_user() const;

 private:
  void read_codes(ports::IoThread& io, ShownCampaign shown, std::function<void(Answer<ShownCampaign>)> on_answer);

  Parts& parts_;
  Commands commands_;
  Issuing issuing_;
};

}  // namespace openrun::gateway::dialects
