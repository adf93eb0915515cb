#include <algorithm>

#include <openrun/wire/json.hpp>

#include "cli/check/judge.hpp"
#include "cli/front/text_table.hpp"

namespace openrun::cli::check {
namespace {

constexpr const char* health = "docs/operations.md#health";

// Told apart where there are several.
std::string name_of(const Facts& facts, const AskedGateway& one) {
  return facts.gateways.size() == 1 ? "gateway" : "gateway " + one.url;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& one : texts) out += (out.empty() ? "" : "; ") + one;
  return out;
}

// ---- one campaign ----

struct Campaign {
  CampaignId id;
  const ports::StoredCampaign& stored;
  issuance::CampaignState state;
  Timestamp now;

  [[nodiscard]] std::string part() const { return "campaign " + std::to_string(id.value); }
  [[nodiscard]] const issuance::CampaignTerms& terms() const { return stored.campaign.terms; }
  [[nodiscard]] std::string command(const std::string& name, const std::string& rest = "") const {
    return "openrun campaign " + name + " " + std::to_string(id.value) + rest;
  }
};

Finding judge_state(const Campaign& one) {
  using enum issuance::CampaignState;
  const std::string start = wire::format_time(one.terms().starts_at.value);
  const auto wrong = [&](const std::string& text, const std::string& fix) {
    return Finding{one.part(), "state", Verdict::wrong, text, fix};
  };
  switch (one.state) {
    case scheduled:
      return {one.part(), "state", Verdict::ok,
              "scheduled: opens in " + duration_text(one.terms().starts_at - one.now) + ", " + start};
    case open:
      return {one.part(), "state", Verdict::ok, "open since " + start};
    case paused:
      return wrong("paused: every request is refused", one.command("resume"));
    case sold_out:
      return wrong("sold out", one.command("add-stock", " 1"));
    case ended:
      return wrong("it has ended", one.command("update", " --ends-at never"));
    case closed:
      break;
  }
  return wrong("closed, which is final: make another one", "docs/cli.md#campaigns");
}

Finding judge_times(const Campaign& one) {
  const auto& ends_at = one.terms().ends_at;
  if (!ends_at) return {one.part(), "times", Verdict::ok, "it has no end"};
  const std::string end = wire::format_time(ends_at->value);
  if (*ends_at > one.terms().starts_at) {
    return {one.part(), "times", Verdict::ok,
            "ends " + duration_text(*ends_at - one.terms().starts_at) + " after its start, " + end};
  }
  return {one.part(), "times", Verdict::wrong, "it ends at " + end + ", which is not after its start",
          one.command("update", " --ends-at never")};
}

Finding judge_stock(const Campaign& one) {
  const std::int64_t left = std::int64_t{one.terms().stock} - one.stored.campaign.issued;
  const std::string text = grouped(left) + " of " + grouped(std::int64_t{one.terms().stock}) + " coupons are left";
  if (left > 0) return {one.part(), "stock", Verdict::ok, text};
  return {one.part(), "stock", Verdict::wrong, text, one.command("add-stock", " 1")};
}

Finding judge_validity(const Campaign& one) {
  const issuance::Policy& policy = one.terms().policy;
  if (policy.valid_for_seconds) {
    return {one.part(), "validity", Verdict::ok,
            duration_text(*policy.valid_for_seconds * 1'000) + " from the issue on"};
  }
  if (!policy.valid_until) return {one.part(), "validity", Verdict::ok, "coupons do not expire"};
  const std::string until = wire::format_time(policy.valid_until->value);
  const std::string fix = one.command("update", " --ends-at " + until);
  if (*policy.valid_until <= std::max(one.now, one.terms().starts_at)) {
    return {one.part(), "validity", Verdict::wrong, "every coupon has expired when it is given, at " + until,
            "docs/cli.md#campaigns"};
  }
  if (!one.terms().ends_at) {
    return {one.part(), "validity", Verdict::look, "coupons expire at " + until + ", and the campaign does not end",
            fix};
  }
  if (*policy.valid_until >= *one.terms().ends_at) return {one.part(), "validity", Verdict::ok, "until " + until};
  return {one.part(), "validity", Verdict::wrong, "coupons expire at " + until + ", before the campaign ends", fix};
}

Finding judge_home(const Campaign& one, const Facts& facts, const std::set<Partition>& without_issuer) {
  const Partition home = one.stored.partition;
  const std::string name = "partition " + std::to_string(home.value);
  if (facts.log) {
    const auto topic = facts.log->state.topics.find(ports::Topic::requests);
    const bool is_missing =
        topic != facts.log->state.topics.end() && topic->second &&
        std::ranges::find(*topic->second, home, &ports::LogPartitionState::partition) == topic->second->end();
    if (is_missing) {
      return {one.part(), "partition", Verdict::wrong, "there is no " + name + " any more",
              "docs/runbooks/log-lost.md"};
    }
  }
  if (!without_issuer.contains(home)) return {one.part(), "partition", Verdict::ok, "it lives in " + name};
  return {one.part(), "partition", Verdict::wrong, "it lives in " + name + ", which has no issuer",
          "docs/runbooks/no-progress.md"};
}

// Nothing is said of a gateway that does not answer at all: that was said.
void judge_shown(const Campaign& one, const Facts& facts, Findings& out) {
  OneCheck check(out, one.part(), "gateway");
  std::size_t shown = 0;
  for (const AskedGateway& gateway : facts.gateways) {
    if (!gateway.told) continue;
    const auto told = gateway.told->campaigns.find(one.id);
    if (told == gateway.told->campaigns.end()) continue;
    if (told->second == 200) {
      ++shown;
      continue;
    }
    const std::string answers = told->second == 0 ? " does not answer" : " answers " + std::to_string(told->second);
    check.add(Verdict::wrong, "the " + name_of(facts, gateway) + answers + " when it is asked for it", health);
  }
  if (shown == 0) return;
  const std::size_t count = facts.gateways.size();
  check.or_else(count == 1 ? "the gateway shows it"
                           : "shown by " + std::to_string(shown) + " of " + std::to_string(count) + " gateways");
}

void judge_campaign(const Campaign& one, const Facts& facts, const std::set<Partition>& without_issuer, Findings& out) {
  out.push_back(judge_state(one));
  out.push_back(judge_times(one));
  // That it is sold out was said.
  if (one.state != issuance::CampaignState::sold_out) out.push_back(judge_stock(one));
  out.push_back(judge_validity(one));
  out.push_back(judge_home(one, facts, without_issuer));
  judge_shown(one, facts, out);
}

// ---- one gateway ----

void judge_one_gateway(const std::string& part, const GatewayFacts& gateway, const Asked& asked, Findings& out) {
  if (gateway.live_status == 200) {
    out.push_back({part, "live", Verdict::ok, "/livez answers 200"});
  } else {
    out.push_back({part, "live", Verdict::wrong, "/livez answers " + std::to_string(gateway.live_status),
                   "docs/runbooks/daemon-down.md"});
  }
  if (gateway.ready_status != 200) {
    const std::string reasons = joined(gateway.reasons);
    out.push_back({part, "ready", Verdict::wrong,
                   "/readyz answers " + std::to_string(gateway.ready_status) + (reasons.empty() ? "" : ": " + reasons),
                   health});
  } else if (!gateway.trouble.empty()) {
    out.push_back({part, "ready", Verdict::look, "/readyz answers 200, but: " + joined(gateway.trouble), health});
  } else {
    out.push_back({part, "ready", Verdict::ok, "/readyz answers 200"});
  }
  if (gateway.version == asked.version) {
    out.push_back({part, "version", Verdict::ok, gateway.version + ", as this program"});
  } else {
    out.push_back({part, "version", Verdict::look,
                   (gateway.version.empty() ? "it does not tell its version" : "it is " + gateway.version) +
                       ", this program is " + asked.version,
                   "docs/operations.md#upgrading"});
  }
  if (gateway.clock) {
    out.push_back(clock_finding(part, *gateway.clock, asked.clock_skew_ms_max, Verdict::wrong));
  } else {
    out.push_back({part, "clock", Verdict::look, "not known: " + gateway.clock.error().message,
                   "docs/cli.md#what-every-command-has-in-common"});
  }
}

}  // namespace

void judge_gateways(const Facts& facts, Findings& out) {
  for (const AskedGateway& one : facts.gateways) {
    const std::string part = name_of(facts, one);
    if (one.told) {
      judge_one_gateway(part, *one.told, facts.asked, out);
    } else {
      out.push_back({part, "answers", Verdict::wrong, one.told.error().message, "docs/runbooks/daemon-down.md"});
    }
  }
}

void judge_campaigns(const Facts& facts, const std::set<Partition>& without_issuer, Findings& out) {
  const bool is_known = facts.store && facts.store->campaigns;
  for (const CampaignId id : facts.asked.campaigns) {
    const std::string part = "campaign " + std::to_string(id.value);
    if (!is_known) {
      out.push_back(
          {part, "exists", Verdict::wrong, "not known: Postgres does not tell", "docs/runbooks/slow-store.md"});
      continue;
    }
    const auto& stored = *facts.store->campaigns;
    const auto found = std::ranges::find(stored, id, [](const auto& one) { return one.campaign.id; });
    if (found == stored.end()) {
      out.push_back({part, "exists", Verdict::wrong, "there is none", "openrun campaign list"});
      continue;
    }
    judge_campaign({id, *found, issuance::state_at(found->campaign, facts.now), facts.now}, facts, without_issuer, out);
  }
}

}  // namespace openrun::cli::check
