// What an audit found, kept for those who look later. Implemented by libs/postgres.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>

namespace openrun::ports {

enum class AuditKind : std::uint8_t { reconciler, audit, deep_audit };
inline constexpr AuditKind all_audit_kinds[] = {AuditKind::reconciler, AuditKind::audit, AuditKind::deep_audit};

// As the table and the admin's call name it.
[[nodiscard]] constexpr std::string_view to_string(AuditKind kind) {
  switch (kind) {
    case AuditKind::reconciler:
      return "reconciler";
    case AuditKind::audit:
      return "audit";
    case AuditKind::deep_audit:
      break;
  }
  return "deep_audit";
}

struct AuditFinding {
  std::string invariant;  // stable snake_case name
  std::string text;       // what, and where
};

struct AuditResult {
  AuditKind kind = AuditKind::audit;
  std::string done_by;
  Timestamp ended_at;  // by the store's clock, which sets it
  std::int64_t took_ms = 0;
  std::uint64_t partitions = 0;  // looked at, as the next two
  std::uint64_t campaigns = 0;
  std::uint64_t coupons = 0;
  std::uint64_t found = 0;        // findings in all
  std::uint64_t not_checked = 0;  // what could not be compared
  std::vector<AuditFinding> findings;
};

// What is longer is cut when it is kept.
inline constexpr std::size_t audit_findings_max = 20;
inline constexpr std::size_t audit_text_bytes_max = 500;
// Results of each kind; older ones are deleted.
inline constexpr std::int64_t audit_results_kept = 100;

// One thread at a time; the call blocks, bounded by the statement time-out.
class AuditResults {
 public:
  virtual ~AuditResults() = default;
  [[nodiscard]] virtual Result<void> keep(const AuditResult& result) = 0;
};

}  // namespace openrun::ports
