// The newest rows of audit_result, as those who watch are told them.
#pragma once

#include <openrun/ports/audit_results.hpp>

#include "connection.hpp"

namespace openrun::postgres {

extern const Statement newest_audit_results;
[[nodiscard]] ports::AuditResult read_audit_result(const Rows& rows, int row);

}  // namespace openrun::postgres
