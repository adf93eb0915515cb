// Who is told about this process: the receiver of spans, and the tracker of errors.
#pragma once

#include <map>
#include <string>

#include <openrun/config/config.hpp>

#include "environment.hpp"
#include "mistakes.hpp"

namespace openrun::config {

// traces.endpoint is an address of HTTP.
void check_traces(const Config& config, const Origins& origins, Mistakes& mistakes);

// SENTRY_DSN and SENTRY_CA_FILE, which other programs know by these names too. The mistake does not repeat the value:
// it is a secret.
void apply_sentry(const std::map<std::string, std::string>& environment, Config& config, Mistakes& mistakes);

}  // namespace openrun::config
