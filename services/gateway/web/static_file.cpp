#include "gateway/web/static_file.hpp"

#include <cstdint>
#include <cstdio>
#include <utility>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

// FNV-1a: tells two builds' files apart; nobody gains by a collision.
std::string etag_of(std::string_view content) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  char text[20];
  const int length = std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(hash));
  return {text, static_cast<std::size_t>(length)};
}

// Whether one of the entity tags is this one, compared weakly (RFC 9110, section 13.1.2).
bool names_etag(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

StaticFile static_file(std::string_view content_type, std::string content) {
  std::string etag = etag_of(content);
  return {content_type, std::move(content), std::move(etag)};
}

ports::HttpResponse static_answer(const StaticFile& file, std::string_view if_none_match) {
  ports::HttpResponse response;
  if (names_etag(if_none_match, file.etag)) {
    response.status = 304;
  } else {
    response.content_type = file.content_type;
    response.body = file.content;
  }
  response.headers.emplace_back("ETag", file.etag);
  // Kept, but asked for each time: a document and its modules are of one version.
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("Content-Security-Policy", policy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  return response;
}

StaticFiles::StaticFiles(std::initializer_list<File> files) {
  for (const File& file : files) files_.emplace(file.name, static_file(file.content_type, std::string(file.content)));
}

void StaticFiles::answer(Call& call) const {
  const auto found = files_.find(call.argument);
  if (found == files_.end()) return call.reply->send(not_found("The page has no such file."));
  call.reply->send(static_answer(found->second, call.request.header("If-None-Match")));
}

}  // namespace openrun::gateway
