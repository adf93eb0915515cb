#include <openrun/base/sentry_dsn.hpp>

namespace openrun {
namespace {

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool is_made_of(std::string_view text, std::string_view more) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (letters_and_digits.find(c) == std::string_view::npos && more.find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

std::optional<SentryDsn> parse_sentry_dsn(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = text.substr(0, scheme_end);
  if (scheme != "https" && scheme != "http") return std::nullopt;
  text.remove_prefix(scheme_end + 3);
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view key = text.substr(0, at).substr(0, text.substr(0, at).find(':'));
  text.remove_prefix(at + 1);
  const std::size_t host_end = text.find('/');
  const std::size_t project_begin = text.rfind('/');
  if (host_end == std::string_view::npos) return std::nullopt;
  const std::string_view host = text.substr(0, host_end);
  const std::string_view path = text.substr(host_end, project_begin - host_end);  // with its slash, or empty
  const std::string_view project = text.substr(project_begin + 1);
  if (!is_made_of(key, "-_") || !is_made_of(host, ".-:[]") || !is_made_of(project, "-_")) return std::nullopt;
  if (!path.empty() && !is_made_of(path, "/-_.~")) return std::nullopt;
  SentryDsn dsn;
  dsn.envelope_url.append(scheme).append("://").append(host).append(path);
  dsn.envelope_url.append("/api/").append(project).append("/envelope/");
  dsn.public_key = key;
  return dsn;
}

}  // namespace openrun
