#include <charconv>
#include <set>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <openrun/load/load.hpp>

#include "runner.hpp"

namespace openrun::load {

Result<Endpoint> parse_url(const std::string& url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme))
    return fail(Error::Kind::invalid, url + " is no address; write it like http://127.0.0.1:8080");
  std::string rest = url.substr(scheme.size());
  if (const auto slash = rest.find('/'); slash != std::string::npos) rest.resize(slash);
  Endpoint endpoint;
  endpoint.port = 80;
  if (const auto colon = rest.rfind(':'); colon != std::string::npos) {
    const char* end = rest.data() + rest.size();
    const auto [parsed, error] = std::from_chars(rest.data() + colon + 1, end, endpoint.port);
    if (error != std::errc{} || parsed != end) return fail(Error::Kind::invalid, url + " has no valid port");
    rest.resize(colon);
  }
  if (rest.empty()) return fail(Error::Kind::invalid, url + " names no host");
  endpoint.host = rest;
  return endpoint;
}

Result<Report> run(const Options& options) {
  std::vector<std::uint32_t> addresses;
  for (const Endpoint& endpoint : options.endpoints) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(endpoint.host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) {
      return fail(Error::Kind::not_found, "cannot resolve the host " + endpoint.host);
    }
    addresses.push_back(reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr.s_addr);
    ::freeaddrinfo(found);
  }
  if (addresses.empty() || options.campaigns.empty() || options.connections == 0 || options.clicks == 0) {
    return fail(Error::Kind::invalid, "a run needs an address, a campaign, a connection and a click");
  }
  if (!options.tokens.empty() && options.tokens.size() < options.users) {
    return fail(Error::Kind::invalid, "there are " + std::to_string(options.tokens.size()) + " tokens for " +
                                          std::to_string(options.users) + " users; give one a line for each of them");
  }
  Runner runner(options, std::move(addresses));
  return runner.run();
}

namespace {

struct Seen {
  std::uint64_t issued = 0;
  std::uint64_t sequence_max = 0;
  std::set<std::uint64_t> users;
  std::set<std::uint64_t> sequences;
  std::string earliest;
};

void check_campaign(std::uint32_t campaign, const Seen& seen, const Expectation& expectation,
                    std::vector<Check>& checks) {
  const std::string name = "campaign " + std::to_string(campaign) + ": ";
  const std::uint64_t stock = expectation.stock.at(campaign);
  const std::uint64_t wanted = expectation.all_wanted ? std::min(stock, expectation.users_per_campaign) : 0;
  const bool exact = expectation.all_wanted ? seen.issued == wanted : seen.issued <= stock;
  checks.push_back({exact, name + std::to_string(seen.issued) + " issued of a stock of " + std::to_string(stock) +
                               (expectation.all_wanted ? ", " + std::to_string(wanted) + " promised" : "")});
  checks.push_back({seen.users.size() == seen.issued, name + "no user twice"});
  const bool dense = seen.sequences.size() == seen.issued &&
                     (seen.issued == 0 || (*seen.sequences.begin() == 1 && seen.sequence_max == seen.issued));
  checks.push_back({dense || !expectation.all_wanted,
                    name + "sequences 1 to " + std::to_string(seen.sequence_max) + " without gap"});
  if (const auto opening = expectation.starts_at.find(campaign);
      opening != expectation.starts_at.end() && seen.issued > 0) {
    // RFC 3339 in UTC with milliseconds compares as text.
    checks.push_back({seen.earliest >= opening->second, name + "nobody before the opening (" + opening->second +
                                                            ", first coupon " + seen.earliest + ")"});
  }
}

}  // namespace

std::vector<Check> verdict(const Report& report, const Expectation& expectation) {
  std::vector<Check> checks;
  std::map<std::uint32_t, Seen> campaigns;
  for (const auto& [campaign, stock] : expectation.stock) campaigns[campaign];
  std::set<std::string> codes;
  bool coded = true;
  const std::set<Winner> coupons(report.winners.begin(), report.winners.end());
  for (const Winner& winner : coupons) {
    Seen& seen = campaigns[winner.campaign];
    seen.issued += 1;
    seen.users.insert(winner.user);
    seen.sequences.insert(winner.sequence);
    seen.sequence_max = std::max(seen.sequence_max, winner.sequence);
    if (seen.earliest.empty() || winner.issued_at < seen.earliest) seen.earliest = winner.issued_at;
    codes.insert(winner.code);
    coded = coded && !winner.code.empty();
  }
  for (const auto& [campaign, seen] : campaigns) {
    if (expectation.stock.contains(campaign)) check_campaign(campaign, seen, expectation, checks);
  }
  checks.push_back(
      {codes.size() == coupons.size() && coded, "no code twice (" + std::to_string(codes.size()) + " codes)"});
  checks.push_back({report.undecided == 0, "every receipt decided (" + std::to_string(report.accepted) + " receipts)"});
  checks.push_back({report.changed == 0, "no receipt changed its answer"});
  return checks;
}

}  // namespace openrun::load
