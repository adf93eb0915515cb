// The limits of who comes in how often: at the door by client address, and in the handler by user, receipt and
// campaign.
//
//   submits           by address, then by user, then by campaign
//   polls             by receipt alone
//   everything else   by address, in buckets of its own
//   admin calls, /livez, /readyz, /metrics   never
//
// A receipt's polls are counted against that receipt and nothing else, at 1,000 / poll_after_ms_min a second or more.
// So whoever polls as poll_after_ms advises is always admitted, however many share its address, and however low the
// other limits are. Nobody can invent receipts: one that does not verify counts as any other call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openrun/base/ids.hpp>
#include <openrun/crypto/receipt.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/metrics.hpp>

#include "gateway/access/admission.hpp"
#include "gateway/access/auth.hpp"
#include "gateway/access/client_address.hpp"
#include "gateway/access/limit_settings.hpp"
#include "gateway/access/limiter.hpp"
#include "gateway/access/quota.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

// Any thread.
class Limits {
 public:
  // An answer to send instead: 429 RATE_LIMITED or 503 OVERLOADED, both with Retry-After. Empty: go on.
  using Refusal = std::optional<ports::HttpResponse>;

  Limits(const LimitSettings& settings, const Auth& auth, const std::function<std::uint32_t()>& random_u32,
         ports::Metrics& metrics);

  // `reason`: one sentence while everybody is refused with 503 OVERLOADED, whatever they ask for; empty otherwise. Not
  // refused are those whom no limit counts, and Door::operators. Any thread; must not block.
  void close_while(std::function<std::string()> reason) { closed_ = std::move(reason); }
  // Before a handler runs. A submit is shed here too, before anything of it is read.
  [[nodiscard]] Refusal at_door(Call& call, Door door);
  // A submit whose user is known.
  [[nodiscard]] Refusal submit(Call& call, std::string_view user, CampaignId campaign);
  // A poll, an event stream: anything that a verified receipt asks for.
  [[nodiscard]] Refusal poll(Call& call, const crypto::Receipt& receipt);

  [[nodiscard]] Admission& admission() { return admission_; }

 private:
  enum class By : std::uint8_t { user, poll, address, campaign };
  static constexpr std::size_t kinds = 4;
  struct Limit {
    std::string_view name;
    Rate rate;
    std::string policy;  // as in RateLimit-Policy: "user";q=20;w=2
    ports::Counter* refused = nullptr;
  };

  [[nodiscard]] const Limit& limit(By by) const { return limits_[static_cast<std::size_t>(by)]; }
  [[nodiscard]] std::string policies(std::initializer_list<By> all) const;
  [[nodiscard]] Refusal take(Call& call, By by, char kind, std::span<const std::uint8_t> key);
  [[nodiscard]] Refusal by_address(Call& call, char kind);

  const Proxies proxies_;
  const Auth& auth_;
  std::array<Limit, kinds> limits_;
  std::string submit_policies_;
  std::string poll_policies_;
  std::string other_policies_;
  Limiter limiter_;
  ports::Counter& forgotten_;
  Admission admission_;
  std::function<std::string()> closed_;
};

}  // namespace openrun::gateway
