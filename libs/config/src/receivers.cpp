#include "receivers.hpp"

#include <cstddef>
#include <fstream>
#include <string_view>

#include <openrun/base/sentry_dsn.hpp>

#include "values.hpp"

namespace openrun::config {
namespace {

bool is_http_url(std::string_view text) {
  for (const std::string_view scheme : {std::string_view("https://"), std::string_view("http://")}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    const std::string_view host = text.substr(0, text.find('/'));
    return !host.empty() && !host.starts_with(':') && text.find_first_of("@?#\\\" ") == std::string_view::npos;
  }
  return false;
}

}  // namespace

void check_traces(const Config& config, const Origins& origins, Mistakes& mistakes) {
  const std::string& endpoint = config.traces.endpoint;
  if (endpoint.empty() || is_http_url(endpoint)) return;
  const auto where = origins.find("traces.endpoint");
  mistakes.add("traces.endpoint is " + in_quotes(endpoint) +
                   ", which is no address of HTTP; write it as http://127.0.0.1:4318, without user, query and fragment",
               where == origins.end() ? "" : where->second);
}

void apply_sentry(const std::map<std::string, std::string>& environment, Config& config, Mistakes& mistakes) {
  const auto value_of = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  config.sentry.dsn = value_of("SENTRY_DSN");
  config.sentry.ca_file = value_of("SENTRY_CA_FILE");
  if (config.sentry.dsn.empty()) return;
  if (!parse_sentry_dsn(config.sentry.dsn)) {
    mistakes.add("SENTRY_DSN is no DSN; copy it from the project's settings, as https://KEY@HOST/PROJECT, or unset it",
                 "environment SENTRY_DSN");
  }
  const std::string& ca_file = config.sentry.ca_file;
  if (!ca_file.empty() && !std::ifstream(ca_file).is_open()) {
    mistakes.add("SENTRY_CA_FILE names a file that cannot be read: " + in_quotes(ca_file),
                 "environment SENTRY_CA_FILE");
  }
}

}  // namespace openrun::config
