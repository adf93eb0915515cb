#include "response_writer.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "problem.hpp"

namespace openrun::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string written(const ports::HttpResponse& response, const ResponseForm& form = {}) {
  std::string out;
  append_response(out, response, form, "Date: D\r\n");
  return out;
}

ports::HttpResponse response_of(unsigned status, std::string body) {
  ports::HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

TEST(ResponseWriter, WritesTheWholeResponse) {
  auto response = response_of(202, "{}");
  response.headers.emplace_back("Location", "/v1/requests/x");
  EXPECT_EQ(written(response),
            "HTTP/1.1 202 Accepted\r\nDate: D\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Location: /v1/requests/x\r\n\r\n{}");
}

TEST(ResponseWriter, TheStatusLineHasTheStatusesPhrase) {
  for (const unsigned status : {200U, 201U, 202U, 404U, 409U, 503U}) {
    EXPECT_THAT(written(response_of(status, "")), ::testing::StartsWith("HTTP/1.1 " + std::to_string(status) + " " +
                                                                        std::string(reason_phrase(status)) + "\r\n"));
  }
}

TEST(ResponseWriter, AnEmptyBodyHasALengthToo) {
  ports::HttpResponse response;
  response.status = 200;
  EXPECT_EQ(written(response), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, StatusesWithoutBodyHaveNeitherBodyNorLength) {
  for (const unsigned status : {204U, 304U}) {
    EXPECT_THAT(written(response_of(status, "body")), AllOf(Not(HasSubstr("Content-Length")), Not(HasSubstr("body"))));
  }
}

TEST(ResponseWriter, AnAnswerToHeadTellsTheLengthAlone) {
  const std::string text = written(response_of(200, "body"), {.is_head = true});
  EXPECT_THAT(text, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("body")));
}

TEST(ResponseWriter, SaysWhetherTheConnectionStays) {
  EXPECT_THAT(written(response_of(200, "")), Not(HasSubstr("Connection")));
  EXPECT_THAT(written(response_of(200, ""), {.keep_alive = false}), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(written(response_of(200, ""), {.http_1_0 = true}), HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(ResponseWriter, AHeaderValueCannotEndItsLine) {
  auto response = response_of(200, "");
  response.headers.emplace_back("Location", "/a\r\nSet-Cookie: x=y\0z");
  EXPECT_THAT(written(response), HasSubstr("Location: /a  Set-Cookie: x=y"));
}

TEST(ResponseWriter, EachControlCharacterOfAValueBecomesASpaceWhereverItStands) {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string value(length, 'x');
        value[at] = static_cast<char>(byte);
        auto response = response_of(200, "");
        response.headers.emplace_back("A", value);
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F) value[at] = ' ';
        ASSERT_THAT(written(response), HasSubstr("\r\nA: " + value + "\r\n")) << length << " " << at << " " << byte;
      }
    }
  }
}

TEST(ResponseWriter, AStreamsHeadTellsTheCodingAndNoLength) {
  ports::HttpResponse head = response_of(200, "");
  head.headers.emplace_back("Cache-Control", "no-store");
  std::string out;
  append_stream_head(out, head, {}, "");
  EXPECT_EQ(
      out,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\n"
      "\r\n");
  out.clear();
  append_stream_head(out, head, {.keep_alive = false, .http_1_0 = true}, "");
  EXPECT_THAT(out, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("Transfer-Encoding")));
}

TEST(ResponseWriter, APieceIsAChunkOfItsLengthInHexadecimal) {
  std::string out;
  append_chunk(out, std::string(26, 'x'));
  EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n");
}

TEST(Problems, EveryStatusHasItsPhrase) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(405), "Method Not Allowed");
  EXPECT_EQ(reason_phrase(429), "Too Many Requests");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(reason_phrase(299), "Unknown");
  EXPECT_EQ(reason_phrase(599), "Unknown");
}

TEST(DateLine, IsTheDateOfTheSecond) {
  DateLine date;
  EXPECT_EQ(date.at(784'887'151), "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n");
  EXPECT_EQ(date.at(784'887'152), "Date: Tue, 15 Nov 1994 08:12:32 GMT\r\n");
  EXPECT_EQ(date.at(0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
}

TEST(Problems, AreJsonWhateverTheirDetailHolds) {
  const auto response = problem_response({503, "OVERLOADED", "a \"quoted\" reason\nin two lines \\"});
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
            "\"detail\":\"a \\\"quoted\\\" reason\\u000ain two lines \\\\\",\"code\":\"OVERLOADED\"}");
}

}  // namespace
}  // namespace openrun::http
