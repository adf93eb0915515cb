// An audit's report as text and as JSON. Pure functions.
#pragma once

#include <string>

#include <openrun/base/ids.hpp>

#include "cli/audit.hpp"
#include "cli/deep_audit.hpp"

namespace openrun::cli {

struct PrintedAudit {
  const Audit& audit;
  const DeepReport* deep = nullptr;  // null: the shallow form only
  Timestamp now;                     // which campaigns have ended
  bool all_digests = false;          // not only those of campaigns that are sold out, ended or closed
};

[[nodiscard]] bool is_clean(const PrintedAudit& report);
[[nodiscard]] std::string as_text(const PrintedAudit& report);
[[nodiscard]] std::string as_json(const PrintedAudit& report);

}  // namespace openrun::cli
