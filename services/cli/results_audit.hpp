// Holds the results topic of one partition against what was decided. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/audit_rows.hpp>
#include <openrun/ports/request_log.hpp>

#include "cli/findings.hpp"
#include "cli/outcome_table.hpp"

namespace openrun::cli {

class ResultsAudit {
 public:
  // `rows` is asked only for a row whose published bytes differ from the stored ones. All must outlive this.
  ResultsAudit(const ports::StoredCheckpoint& checkpoint, OutcomeTable& outcomes, ports::AuditRows& rows,
               Findings& findings);

  [[nodiscard]] Result<void> record(const ports::LogRecord& record);
  // Every record at or after `required_from` and below `required_to` must have been seen.
  void finish(Offset required_from, Offset required_to);
  // The newest digest that the topic holds of each campaign, where its batch is the last that touched it.
  void compare_digests(const std::vector<ports::StoredCampaignRow>& campaigns);

  struct Counts {
    std::uint64_t batches = 0;
    std::uint64_t entries = 0;
    std::uint64_t again = 0;  // entries that had come before
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Newest {
    Offset last_offset;
    std::optional<Digest> digest;
  };
  void compare_entries(const std::string& where, const wire::ResultBatch& batch);
  [[nodiscard]] Result<void> compare_with_outbox(const std::string& where, const wire::ResultBatch& batch,
                                                 std::string_view payload);

  const ports::StoredCheckpoint& checkpoint_;
  OutcomeTable& outcomes_;
  ports::AuditRows& rows_;
  Findings& findings_;
  Counts counts_;
  std::map<CampaignId, Newest> newest_;
};

}  // namespace openrun::cli
