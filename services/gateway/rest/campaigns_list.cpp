// GET /v1/campaigns: pages of the store, with the freshest counters that this gateway has.
#include <algorithm>
#include <array>
#include <utility>

#include "gateway/rest/campaigns_handler.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {
namespace {

constexpr std::size_t limit_default = 50;
constexpr std::size_t limit_max = 500;
// A filter may leave little of a page: read so many pages of limit_max for one answer, then tell where to go on.
constexpr int pages_max = 20;

struct Listing {
  std::optional<issuance::CampaignState> state;
  CampaignId after;
  std::size_t limit = limit_default;
};

struct Listed {
  std::vector<issuance::Campaign> campaigns;
  std::optional<CampaignId> next_after;
};

std::optional<issuance::CampaignState> state_named(std::string_view name) {
  using enum issuance::CampaignState;
  for (const auto state : {scheduled, open, paused, sold_out, ended, closed}) {
    if (name == issuance::to_string(state)) return state;
  }
  return std::nullopt;
}

std::vector<FieldError> read_listing(std::string_view query, Listing& listing) {
  std::vector<FieldError> errors;
  if (const auto state = query_parameter(query, "state")) {
    listing.state = state_named(*state);
    if (!listing.state) {
      errors.push_back({"state", "must be scheduled, open, paused, sold_out, ended or closed"});
    }
  }
  if (const auto after = query_parameter(query, "after")) {
    const auto number = parse_number(*after, 0x7FFFFFFF);
    if (number) listing.after = CampaignId{static_cast<std::uint32_t>(*number)};
    if (!number) errors.push_back({"after", "must be a campaign id"});
  }
  if (const auto limit = query_parameter(query, "limit")) {
    const auto number = parse_number(*limit, limit_max);
    if (number) listing.limit = static_cast<std::size_t>(*number);
    if (!number || *number == 0) errors.push_back({"limit", "must be 1 to " + std::to_string(limit_max)});
  }
  return errors;
}

Result<Listed> read_pages(ports::GatewayStore& store, CampaignCache& cache, const Listing& listing, Timestamp now) {
  Listed listed;
  CampaignId after = listing.after;
  for (int page = 0; page < pages_max; ++page) {
    // One more than is wanted tells whether there is a next page.
    const std::size_t wanted = listing.state ? limit_max : listing.limit + 1;
    const auto rows = store.campaigns(after, wanted);
    if (!rows) return std::unexpected(rows.error());
    for (const ports::StoredCampaign& row : *rows) {
      if (listed.campaigns.size() == listing.limit) {
        listed.next_after = after;
        return listed;
      }
      after = row.campaign.id;
      const auto cached = cache.find(row.campaign.id);
      const bool fresher = cached && cached->details_current() && cached->version > row.counters_offset;
      issuance::Campaign campaign = fresher ? to_campaign(*cached) : row.campaign;
      if (listing.state && issuance::state_at(campaign, now) != *listing.state) continue;
      listed.campaigns.push_back(std::move(campaign));
    }
    if (rows->size() < wanted) return listed;
  }
  listed.next_after = after;
  return listed;
}

ports::HttpResponse render(const Listed& listed, Timestamp now) {
  ports::HttpResponse response = json_response(200, {});
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("campaigns").begin_array();
  for (const issuance::Campaign& campaign : listed.campaigns) write_campaign(json, campaign, now);
  json.end_array();
  json.key("next_after");
  if (listed.next_after) {
    json.number(static_cast<std::int64_t>(listed.next_after->value));
  } else {
    json.null();
  }
  json.end_object();
  return response;
}

}  // namespace

void CampaignsHandler::list(Call& call) {
  Listing listing;
  const auto errors = read_listing(call.request.query, listing);
  if (!errors.empty()) return call.reply->send(invalid_request("The query has faults.", errors));
  const auto reply = call.reply;
  const bool accepted = parts_.pool.submit([this, &io = call.io, listing, reply](ports::GatewayStore& store) {
    const Timestamp now = parts_.clock.now();
    const auto listed = read_pages(store, parts_.cache, listing, now);
    io.post([reply, response = listed ? render(*listed, now) : unavailable(listed.error().kind)]() mutable {
      reply->send(std::move(response));
    });
  });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

}  // namespace openrun::gateway
