// One call of the waiting room as its query, body and headers tell it. Pure functions.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/ports/http.hpp>

namespace openrun::gateway::dialects {

struct Visit {
  CampaignId campaign;
  std::string user;  // empty: nobody is named
};

// `event` is what stands in the path; empty in the short form, where eventId is read like userId: from the query, else
// from a body of JSON, as text or as a number. Otherwise the answer to send.
[[nodiscard]] std::expected<Visit, ports::HttpResponse> read_visit(const ports::HttpRequest& request,
                                                                   std::string_view event);

// ---- the cookie: openrun_<campaign>=<receipt>.<hash of campaign and user> ----
struct Cookie {
  std::string_view receipt;
  std::uint64_t user_hash = 0;
};
// The first of that campaign; not verified.
[[nodiscard]] std::optional<Cookie> find_cookie(const ports::HttpRequest& request, CampaignId campaign);
// Set-Cookie. Of the long form it goes back to the campaign's own paths alone.
[[nodiscard]] std::string set_cookie(CampaignId campaign, std::string_view receipt, std::uint64_t user_hash,
                                     bool is_long_form, bool is_secure);
// Whether the client came by TLS, as far as a proxy in front says so.
[[nodiscard]] bool came_by_tls(const ports::HttpRequest& request);

}  // namespace openrun::gateway::dialects
