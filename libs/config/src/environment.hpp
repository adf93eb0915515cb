// Overrides from the environment: OPENRUN_<SECTION>__<KEY>, upper case.
#pragma once

#include <map>
#include <string>

#include <openrun/config/config.hpp>

#include "mistakes.hpp"

namespace openrun::config {

// Where each key that was given stands, by its full name.
using Origins = std::map<std::string, std::string>;

// Variables of another form (OPENRUN_CONFIG, PATH) are none of its business. A list or a map is replaced or added to as
// docs of the keys say: OPENRUN_GATEWAY__ADMIN_TOKENS="name=token,name2=token2" replaces the list,
// OPENRUN_KAFKA__LIBRDKAFKA__SECURITY_PROTOCOL=SSL sets security.protocol.
void apply_environment(const std::map<std::string, std::string>& environment, Config& config, Origins& origins,
                       Mistakes& mistakes);

// A relative path is relative to the folder of `file`, or to the working directory where `file` is empty.
[[nodiscard]] std::string beside(const std::string& file, const std::string& path);

}  // namespace openrun::config
