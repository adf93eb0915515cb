#include "gateway/access/limits.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {
namespace {

constexpr char kind_of_submit_address = 's';
constexpr char kind_of_other_address = 'o';
constexpr char kind_of_user = 'u';
constexpr char kind_of_receipt = 'r';
constexpr char kind_of_campaign = 'c';

constexpr std::int64_t second_us = 1'000'000;
// What a client that follows poll_after_ms may need, and room for answers that come late and together.
constexpr std::int64_t polls_per_second_min = 10;
constexpr std::int64_t polls_burst_min = 20;
static_assert(polls_per_second_min * poll_after_ms_min >= 1'000, "who follows the advice is always admitted");

Rate poll_rate(const Rate& user) {
  if (!user.is_on()) return user;
  return {std::max(user.per_second, polls_per_second_min), std::max(user.burst, polls_burst_min)};
}

std::string policy_of(std::string_view name, const Rate& rate) {
  const std::int64_t window_s = std::max<std::int64_t>((rate.burst + rate.per_second - 1) / rate.per_second, 1);
  return "\"" + std::string(name) + "\";q=" + std::to_string(rate.burst) + ";w=" + std::to_string(window_s);
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A customer has one address of version 4, and a network of 64 bits of version 6.
std::span<const std::uint8_t> counted_part(const Address& address) {
  return std::span(address.bytes).first(address.is_version_4() ? 16 : 8);
}

}  // namespace

Limits::Limits(const LimitSettings& settings, const Auth& auth, const std::function<std::uint32_t()>& random_u32,
               ports::Metrics& metrics)
    : proxies_(settings.proxies),
      auth_(auth),
      limits_{{{"user", settings.user, {}, nullptr},
               {"poll", poll_rate(settings.user), {}, nullptr},
               {"address", settings.address, {}, nullptr},
               {"campaign", settings.campaign, {}, nullptr}}},
      limiter_(settings.any_rate() ? settings.slots : 0),
      forgotten_(metrics.counter("openrun_rate_limit_forgotten_total",
                                 "Buckets in use that were given up because the table was full")),
      admission_(settings.admission, random_u32, metrics) {
  for (Limit& each : limits_) {
    if (each.rate.is_on()) each.policy = policy_of(each.name, each.rate);
    each.refused =
        &metrics.counter("openrun_rate_limited_total", "Calls answered with 429, by the limit that was reached",
                         {{"by", std::string(each.name)}});
  }
  submit_policies_ = policies({By::user, By::address, By::campaign});
  poll_policies_ = policies({By::poll});
  other_policies_ = policies({By::address});
}

std::string Limits::policies(std::initializer_list<By> all) const {
  std::string list;
  for (const By by : all) {
    if (!limit(by).rate.is_on()) continue;
    list.append(list.empty() ? "" : ", ").append(limit(by).policy);
  }
  return list;
}

Limits::Refusal Limits::take(Call& call, By by, char kind, std::span<const std::uint8_t> key) {
  const Limit& counted = limit(by);
  if (!counted.rate.is_on()) return std::nullopt;
  const Limiter::Answer answer = limiter_.take(kind, key, counted.rate, call.received_us);
  if (answer.forgot) forgotten_.add();
  if (call.quota != nullptr) call.quota->note(counted.name, answer.remaining, answer.full_after_us);
  if (answer.admitted) return std::nullopt;
  counted.refused->add();
  return rate_limited(counted.name, std::max<std::int64_t>((answer.retry_after_us + second_us - 1) / second_us, 1));
}

Limits::Refusal Limits::by_address(Call& call, char kind) {
  if (!limit(By::address).rate.is_on() || auth_.is_admin(call.request)) return std::nullopt;
  return take(call, By::address, kind, counted_part(client_address(call.request, proxies_)));
}

Limits::Refusal Limits::at_door(Call& call, Door door) {
  if (closed_ && door != Door::open && door != Door::operators) {
    if (const std::string reason = closed_(); !reason.empty())
      return overloaded("This gateway is not ready: " + reason + ".");
  }
  switch (door) {
    case Door::open:
    case Door::poll:
      return std::nullopt;
    case Door::submit:
      if (call.quota != nullptr) call.quota->policies = submit_policies_;
      if (!admission_.admits(call.request.is_overdue))
        return overloaded("The gateway is over its capacity; ask again.");
      return by_address(call, kind_of_submit_address);
    case Door::counted:
    case Door::operators:
      break;
  }
  if (call.quota != nullptr) call.quota->policies = other_policies_;
  return by_address(call, kind_of_other_address);
}

Limits::Refusal Limits::submit(Call& call, std::string_view user, CampaignId campaign) {
  if (call.quota != nullptr) call.quota->policies = submit_policies_;
  if (Refusal refusal = take(call, By::user, kind_of_user, bytes_of(user))) return refusal;
  std::array<std::uint8_t, sizeof campaign.value> key;
  std::memcpy(key.data(), &campaign.value, key.size());
  return take(call, By::campaign, kind_of_campaign, key);
}

Limits::Refusal Limits::poll(Call& call, const crypto::Receipt& receipt) {
  if (call.quota != nullptr) call.quota->policies = poll_policies_;
  std::array<std::uint8_t, sizeof receipt.partition.value + sizeof receipt.offset.value> key;
  std::memcpy(key.data(), &receipt.partition.value, sizeof receipt.partition.value);
  std::memcpy(key.data() + sizeof receipt.partition.value, &receipt.offset.value, sizeof receipt.offset.value);
  return take(call, By::poll, kind_of_receipt, key);
}

}  // namespace openrun::gateway
