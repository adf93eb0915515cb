#include "request_parser.hpp"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::http {
namespace {

using Kind = ParseOutcome::Kind;

const ParseLimits limits{1'000, 2'000};

TEST(RequestParser, GivesViewsOfTheRequest) {
  ParsedRequest parsed;
  const std::string bytes =
      "PATCH /v1/campaigns/7?a=b%20c HTTP/1.1\r\nHost: x\r\nX-One:  spaced \t\r\nContent-Length: 3\r\n\r\nabcNEXT";
  const ParseOutcome outcome = parse_request(bytes, limits, parsed);
  ASSERT_EQ(outcome.kind, Kind::complete);
  EXPECT_EQ(outcome.size, bytes.size() - 4);
  EXPECT_EQ(parsed.request.method, ports::HttpMethod::patch);
  EXPECT_EQ(parsed.request.target, "/v1/campaigns/7?a=b%20c");
  EXPECT_EQ(parsed.request.path, "/v1/campaigns/7");
  EXPECT_EQ(parsed.request.query, "a=b%20c");
  EXPECT_EQ(parsed.request.body, "abc");
  EXPECT_EQ(parsed.request.header("x-one"), "spaced");
  EXPECT_TRUE(parsed.keep_alive);
  EXPECT_GE(parsed.request.body.data(), bytes.data());
  EXPECT_LT(parsed.request.body.data(), bytes.data() + bytes.size());
}

TEST(RequestParser, KnowsTheMethods) {
  ParsedRequest parsed;
  const auto method_of = [&](const std::string& name) {
    const std::string bytes = name + " / HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(parse_request(bytes, limits, parsed).kind, Kind::complete) << name;
    return parsed.request.method;
  };
  EXPECT_EQ(method_of("GET"), ports::HttpMethod::get);
  EXPECT_EQ(method_of("HEAD"), ports::HttpMethod::head);
  EXPECT_EQ(method_of("POST"), ports::HttpMethod::post);
  EXPECT_EQ(method_of("PUT"), ports::HttpMethod::put);
  EXPECT_EQ(method_of("DELETE"), ports::HttpMethod::delete_);
  EXPECT_EQ(method_of("OPTIONS"), ports::HttpMethod::options);
  EXPECT_EQ(method_of("TRACE"), ports::HttpMethod::other);
  EXPECT_EQ(method_of("get"), ports::HttpMethod::other);
}

TEST(RequestParser, TargetsInAbsoluteFormLoseTheirAuthority) {
  ParsedRequest parsed;
  const auto parsed_path = [&](const std::string& target) {
    const std::string bytes = "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(parse_request(bytes, limits, parsed).kind, Kind::complete) << target;
    return std::string(parsed.request.path) + "|" + std::string(parsed.request.query);
  };
  EXPECT_EQ(parsed_path("http://openrun:8080/livez?x=1"), "/livez|x=1");
  EXPECT_EQ(parsed_path("https://openrun"), "/|");
  EXPECT_EQ(parsed_path("http://openrun?a"), "/|a");
  EXPECT_EQ(parsed_path("/a?b?c"), "/a|b?c");
}

TEST(RequestParser, TheStartTellsMethodAndPathOnceTheTargetIsThere) {
  const auto start_of = [](std::string_view bytes) {
    const auto start = peek_request(bytes);
    return start ? std::string(start->method) + " " + std::string(start->path) : std::string("nothing");
  };
  EXPECT_EQ(start_of("POST /a/b?c=d HTTP/1.1\r\n"), "POST /a/b");
  EXPECT_EQ(start_of("\r\nPOST /a "), "POST /a");
  EXPECT_EQ(start_of("POST http://openrun:8080/a?b HTTP/1.1"), "POST /a");
  EXPECT_EQ(start_of("POST http://openrun HTTP/1.1"), "POST ");
  for (const char* bytes : {"", "\r", "\r\n", "POST", "POST /a", "\r\nPOST /a"}) {
    EXPECT_EQ(start_of(bytes), "nothing") << bytes;
  }
}

TEST(RequestParser, TellsHowMuchIsMissing) {
  ParsedRequest parsed;
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
  for (std::size_t length = 0; length < head.size(); ++length) {
    const ParseOutcome outcome = parse_request(std::string_view(head).substr(0, length), limits, parsed);
    ASSERT_EQ(outcome.kind, Kind::incomplete) << length;
    ASSERT_EQ(outcome.size, 0U);
    ASSERT_FALSE(outcome.is_header_complete);
  }
  const ParseOutcome outcome = parse_request(head + "123", limits, parsed);
  EXPECT_EQ(outcome.kind, Kind::incomplete);
  EXPECT_EQ(outcome.size, head.size() + 10);
  EXPECT_TRUE(outcome.is_header_complete);
}

TEST(RequestParser, AChunkedRequestIsCompleteOnlyWithItsLastByte) {
  ParsedRequest parsed;
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_EQ(parse_request(std::string_view(bytes).substr(0, length), limits, parsed).kind, Kind::incomplete)
        << length;
  }
  const ParseOutcome outcome = parse_request(bytes + "rest", limits, parsed);
  ASSERT_EQ(outcome.kind, Kind::complete);
  EXPECT_EQ(outcome.size, bytes.size());
  EXPECT_EQ(parsed.request.body, "abcde");
  EXPECT_EQ(parsed.request.header("A"), "");  // trailers are no header fields
}

TEST(RequestParser, ConnectionFieldsDecideAboutKeepAlive) {
  ParsedRequest parsed;
  const auto keeps_alive = [&](const std::string& version, const std::string& connection) {
    const std::string bytes = "GET / HTTP/" + version + "\r\nHost: x\r\n" + connection + "\r\n";
    EXPECT_EQ(parse_request(bytes, limits, parsed).kind, Kind::complete);
    return parsed.keep_alive;
  };
  EXPECT_TRUE(keeps_alive("1.1", ""));
  EXPECT_FALSE(keeps_alive("1.1", "Connection: Close\r\n"));
  EXPECT_FALSE(keeps_alive("1.1", "Connection: upgrade, close\r\n"));
  EXPECT_FALSE(keeps_alive("1.0", ""));
  EXPECT_TRUE(keeps_alive("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(RequestParser, HalfAnEmptyLineBeforeARequestWaitsForItsOtherHalf) {
  ParsedRequest parsed;
  EXPECT_EQ(parse_request("\r", limits, parsed).kind, Kind::incomplete);
  EXPECT_EQ(parse_request("\rGET", limits, parsed).kind, Kind::refused);
}

TEST(RequestParser, OneEmptyLineBeforeARequestIsIgnored) {
  ParsedRequest parsed;
  const std::string bytes = "\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n";
  const ParseOutcome outcome = parse_request(bytes, limits, parsed);
  ASSERT_EQ(outcome.kind, Kind::complete);
  EXPECT_EQ(outcome.size, bytes.size());
  EXPECT_EQ(parse_request("\r\n" + bytes, limits, parsed).kind, Kind::refused);
}

TEST(RequestParser, NothingOfTheRequestBeforeIsLeft) {
  ParsedRequest parsed;
  ASSERT_EQ(parse_request("POST /a?q HTTP/1.0\r\nHost: x\r\nA: b\r\nContent-Length: 1\r\n\r\nx", limits, parsed).kind,
            Kind::complete);
  ASSERT_EQ(parse_request("GET /b HTTP/1.1\r\nHost: x\r\n\r\n", limits, parsed).kind, Kind::complete);
  EXPECT_EQ(parsed.request.query, "");
  EXPECT_EQ(parsed.request.body, "");
  EXPECT_EQ(parsed.request.headers.size(), 1U);
  EXPECT_FALSE(parsed.http_1_0);
}

// Whatever arrives, the parser stays within the bytes it was given (watched by the sanitizers) and never wants more
// than the limits allow.
TEST(RequestParser, SurvivesMutatedRequests) {
  const std::string seeds[] = {
      "GET /v1/requests/abc?x=y HTTP/1.1\r\nHost: openrun\r\nConnection: keep-alive\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n12345",
  };
  const std::string interesting = {'\r', '\n', ' ', ':', ',', ';', '0', 'f', '\t', '\0', '\xff', '/', '?', 'H'};
  std::mt19937 random(7);
  ParsedRequest parsed;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = seeds[random() % 3];
    for (unsigned changes = random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      const char with = interesting[random() % interesting.size()];
      switch (random() % 3) {
        case 0:
          bytes[at] = with;
          break;
        case 1:
          bytes.insert(at, 1, with);
          break;
        default:
          bytes.erase(at, 1);
          break;
      }
    }
    const std::string exact(bytes.begin(), bytes.end());
    const ParseOutcome outcome = parse_request(exact, limits, parsed);
    if (outcome.kind == Kind::complete) {
      ASSERT_LE(outcome.size, exact.size());
      ASSERT_GT(outcome.size, 0U);
      ASSERT_LE(parsed.request.body.size(), limits.body_bytes_max);
    } else if (outcome.kind == Kind::incomplete) {
      ASSERT_TRUE(outcome.size == 0 || outcome.size > exact.size());
      ASSERT_LE(outcome.size, limits.request_bytes_max());
    } else {
      ASSERT_GE(outcome.problem.status, 400U);
    }
  }
}

}  // namespace
}  // namespace openrun::http
