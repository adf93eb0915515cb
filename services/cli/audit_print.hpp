// An audit's report as text, as JSON, and as it is kept for the operators' page. Pure functions.
#pragma once

#include <string>

#include <openrun/base/ids.hpp>
#include <openrun/ports/audit_results.hpp>

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
// Without who did it, when, and how long it took.
[[nodiscard]] ports::AuditResult result_of(const PrintedAudit& report);

}  // namespace openrun::cli
