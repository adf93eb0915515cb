// The machine's own name, for those who hear of this process.
#pragma once

#include <string>

namespace openrun::telemetry {

// Empty where the system does not tell.
[[nodiscard]] std::string host_name();

}  // namespace openrun::telemetry
