// The gateway end to end on parsed requests, with an issuer that decides by the production rules behind it. An input is
// a list of requests between lines of `--`:
//
//   POST /v1/campaigns/1/requests
//   Content-Type: application/json
//
//   {"user_id":"ada"}
//
// `{receipt}` and `{code}` stand for the newest ones given. Whatever is asked, the answer is a well-formed one that the
// contract knows, and never a 500.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/text.hpp>
#include <openrun/wire/json.hpp>

#include "fuzz.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::fuzz {
namespace {

using gateway::testing::Answer;
using gateway::testing::Harness;
using gateway::testing::HeaderList;
using ports::HttpMethod;

constexpr std::size_t requests_max = 12;

struct Asked {
  HttpMethod method = HttpMethod::other;
  std::string target;
  HeaderList headers;
  std::string body;
};

struct Memory {
  std::string receipt = "AQAA";
  std::string code = "0000000000000";
};

HttpMethod method_of(std::string_view name) {
  using enum HttpMethod;
  constexpr std::array<std::pair<std::string_view, HttpMethod>, 7> names{{{"GET", get},
                                                                          {"HEAD", head},
                                                                          {"POST", post},
                                                                          {"PUT", put},
                                                                          {"PATCH", patch},
                                                                          {"DELETE", delete_},
                                                                          {"OPTIONS", options}}};
  for (const auto& [text, method] : names) {
    if (text == name) return method;
  }
  return other;
}

void replace(std::string& text, std::string_view name, const std::string& value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
    text.replace(at, name.size(), value);
  }
}

bool is_plain(std::string_view text, bool with_spaces) {
  return std::ranges::all_of(text, [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 ? byte != 0x7F : with_spaces && (c == ' ' || c == '\t');
  });
}

// What the server's parser would hand over; empty where it would not.
std::optional<Asked> asked_in(std::string_view text, const Memory& memory) {
  Asked asked;
  std::string_view head = next_part(text, "\n\n");
  asked.body = text;
  std::string_view line = next_part(head, "\n");
  asked.method = method_of(next_part(line, " "));
  asked.target = line;
  replace(asked.target, "{receipt}", memory.receipt);
  replace(asked.target, "{code}", memory.code);
  if (!asked.target.starts_with('/') || !is_plain(asked.target, false)) return std::nullopt;
  while (!head.empty()) {
    std::string_view value = next_part(head, "\n");
    const std::string_view name = next_part(value, ": ");
    if (name.empty() || !is_plain(name, false) || !is_plain(value, true)) return std::nullopt;
    asked.headers.emplace_back(name, value);
  }
  return asked;
}

constexpr std::array<unsigned, 14> statuses{200, 201, 202, 400, 401, 403, 404, 405, 409, 410, 413, 415, 429, 503};

void check_json(const Answer& answer) {
  const auto parsed = wire::parse_json(answer.body());
  // The gateway's own pages may be longer than what it takes from strangers.
  if (!parsed && answer.body().size() > 16'384) return;
  require(parsed.has_value(), "an answer is JSON", answer.body());
}

void check_problem(const Answer& answer) {
  const auto parsed = wire::parse_json(answer.body());
  require(parsed && parsed->get<wire::JsonObject>() != nullptr, "a problem is a JSON object", answer.body());
  for (const char* member : {"type", "title", "status", "code"}) {
    require(!answer.field(member).empty(), "a problem has type, title, status and code", answer.body());
  }
  require(answer.field("status") == std::to_string(answer.status()), "a problem tells its status", answer.body());
  const std::string code = answer.field("code");
  require(std::ranges::all_of(code, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; }), "a code is a name",
          code);
}

void check_answer(const Asked& asked, const Answer& answer) {
  require(answer.arrived(), "every request is answered", asked.target);
  require(answer.reply->sent == 1, "a request is answered once", asked.target);
  const std::string what = asked.target + " -> " + std::to_string(answer.status()) + " " + answer.body();
  require(std::ranges::find(statuses, answer.status()) != statuses.end(), "the contract knows the status", what);
  const std::string_view type = answer.reply->response->content_type;
  for (const auto& [name, value] : answer.reply->response->headers) {
    const bool plain =
        std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    require(!name.empty() && plain, "no control character is echoed", value);
  }
  require(utf8_length(answer.body()) != not_utf8, "an answer is UTF-8", what);
  // The address of a campaign that can't be one, as somebody typed it: people get the page.
  if (answer.status() == 404 && asked.target.starts_with("/c/") && type.starts_with("text/html")) return;
  if (answer.status() >= 400) {
    require(type == "application/problem+json", "an error is a problem", what);
    check_problem(answer);
    if (answer.status() == 401) require(!answer.header("WWW-Authenticate").empty(), "401 says how", what);
    if (answer.status() == 405) require(!answer.header("Allow").empty(), "405 says what is allowed", what);
    if (answer.status() == 503) require(!answer.header("Retry-After").empty(), "503 says when", what);
  } else {
    require(!type.empty(), "an answer has a type", what);
    if (type == "application/json") check_json(answer);
    if (answer.status() != 200) require(!answer.header("Location").empty(), "201 and 202 say where", what);
  }
}

void remember(const Answer& answer, Memory& memory) {
  const std::string receipt = answer.field("receipt");
  if (!receipt.empty()) memory.receipt = receipt;
  const std::string code = answer.field("coupon.code");
  if (code.empty()) return;
  memory.code.clear();
  for (const char c : code) {  // as in a path
    constexpr char digits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    memory.code.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  std::string_view text = text_of(data, size);
  Harness harness;
  Memory memory;
  std::size_t requests = 0;
  while (!text.empty() && requests < requests_max) {
    const auto asked = asked_in(next_part(text, "\n--\n"), memory);
    if (!asked) continue;
    ++requests;
    const Answer answer = harness.serve(asked->method, asked->target, asked->body, asked->headers);
    check_answer(*asked, answer);
    remember(answer, memory);
  }
  return 0;
}
