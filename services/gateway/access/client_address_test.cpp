#include "gateway/access/client_address.hpp"

#include <string>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

struct Row {
  const char* name;
  const char* peer;
  Headers headers;
  const char* client;
};

void expect_clients(const Proxies& proxies, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    ports::HttpRequest request;
    request.remote_address = row.peer;
    request.headers = row.headers;
    EXPECT_EQ(client_address(request, proxies), parse_address(row.client)) << row.name;
  }
}

TEST(ClientAddress, BehindProxiesIsTheRightMostThatIsNotTrusted) {
  const Proxies proxies{*parse_networks("10.0.0.0/8, ::1, 2001:db8:ffff::/48"), ProxyHeader::x_forwarded_for};
  std::string many;
  for (int i = 0; i < 30; ++i) many += "10.0.0.9, ";
  const std::string too_many = "203.0.113.7, " + many + "10.0.0.9";
  expect_clients(
      proxies,
      {
          {"no proxy", "192.0.2.1", {}, "192.0.2.1"},
          {"a stranger that says it is a proxy", "192.0.2.1", {{"X-Forwarded-For", "203.0.113.7"}}, "192.0.2.1"},
          {"a proxy", "10.0.0.1", {{"X-Forwarded-For", "203.0.113.7"}}, "203.0.113.7"},
          {"a proxy without the header", "10.0.0.1", {}, "10.0.0.1"},
          {"an empty header", "10.0.0.1", {{"X-Forwarded-For", ""}}, "10.0.0.1"},
          {"two proxies", "10.0.0.1", {{"x-forwarded-for", "203.0.113.7, 10.0.0.2"}}, "203.0.113.7"},
          {"a client that wrote one itself", "10.0.0.1", {{"X-Forwarded-For", "1.1.1.1, 203.0.113.7"}}, "203.0.113.7"},
          {"a client that names a proxy", "10.0.0.1", {{"X-Forwarded-For", "10.0.0.3, 203.0.113.7"}}, "203.0.113.7"},
          {"two headers",
           "10.0.0.1",
           {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "203.0.113.7, 10.0.0.2"}},
           "203.0.113.7"},
          {"the second header holds proxies alone",
           "10.0.0.1",
           {{"X-Forwarded-For", "203.0.113.7"}, {"X-Forwarded-For", "10.0.0.2"}},
           "203.0.113.7"},
          {"proxies alone", "10.0.0.1", {{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}}, "10.0.0.3"},
          {"no address", "10.0.0.1", {{"X-Forwarded-For", "203.0.113.7, unknown"}}, "10.0.0.1"},
          {"no address further left", "10.0.0.1", {{"X-Forwarded-For", "what?, 10.0.0.2"}}, "10.0.0.2"},
          {"an empty entry", "10.0.0.1", {{"X-Forwarded-For", "203.0.113.7,"}}, "10.0.0.1"},
          {"a port", "10.0.0.1", {{"X-Forwarded-For", "203.0.113.7:4711"}}, "203.0.113.7"},
          {"version 6", "::1", {{"X-Forwarded-For", "2001:db8::7"}}, "2001:db8::7"},
          {"version 6 with a port", "::1", {{"X-Forwarded-For", "[2001:db8::7]:4711"}}, "2001:db8::7"},
          {"brackets left open", "::1", {{"X-Forwarded-For", "[2001:db8::7"}}, "::1"},
          {"version 4 through a socket of version 6",
           "::ffff:10.0.0.1",
           {{"X-Forwarded-For", "203.0.113.7"}},
           "203.0.113.7"},
          {"the other header", "10.0.0.1", {{"Forwarded", "for=203.0.113.7"}}, "10.0.0.1"},
          {"more hops than there are", "10.0.0.1", {{"X-Forwarded-For", too_many}}, "10.0.0.9"},
      });
}

TEST(ClientAddress, IsReadFromForwardedWhereTheProxiesWriteThat) {
  const Proxies proxies{*parse_networks("10.0.0.0/8"), ProxyHeader::forwarded};
  expect_clients(
      proxies,
      {
          {"plain", "10.0.0.1", {{"Forwarded", "for=203.0.113.7"}}, "203.0.113.7"},
          {"more of it", "10.0.0.1", {{"Forwarded", "by=10.0.0.1; For=\"203.0.113.7:80\";proto=https"}}, "203.0.113.7"},
          {"version 6", "10.0.0.1", {{"Forwarded", "for=\"[2001:db8::7]:4711\""}}, "2001:db8::7"},
          {"two hops", "10.0.0.1", {{"Forwarded", "for=1.1.1.1, for=203.0.113.7, for=10.0.0.2"}}, "203.0.113.7"},
          {"hidden", "10.0.0.1", {{"Forwarded", "for=1.1.1.1, for=_hidden"}}, "10.0.0.1"},
          {"a comma in quotes", "10.0.0.1", {{"Forwarded", "for=203.0.113.7;host=\"a,b\""}}, "203.0.113.7"},
          {"without for", "10.0.0.1", {{"Forwarded", "proto=https"}}, "10.0.0.1"},
          {"the other header", "10.0.0.1", {{"X-Forwarded-For", "203.0.113.7"}}, "10.0.0.1"},
      });
}

TEST(ClientAddress, WithoutTrustedProxiesIsThePeers) {
  expect_clients({}, {{"a header", "127.0.0.1", {{"X-Forwarded-For", "203.0.113.7"}}, "127.0.0.1"}});
}

}  // namespace
}  // namespace openrun::gateway
