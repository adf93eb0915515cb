// `openrun audit --deep`: decides the retained log once more and compares everything that Postgres and the results
// topic hold with it, partition by partition. Against ports; one thread.
//
// Memory: for the partition at hand at most 64 bytes a coupon (the machine's claims), 9 a record and 24 an outbox row;
// rows, payloads and records come in pages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/audit_rows.hpp>
#include <openrun/ports/request_log.hpp>

#include "cli/findings.hpp"
#include "cli/partition_audit.hpp"
#include "cli/results_audit.hpp"
#include "cli/saved_state.hpp"

namespace openrun::cli {

struct DeepProgress {
  Partition partition;
  const char* stage = "";  // "requests" or "results"
  std::int64_t done = 0;   // offsets
  std::int64_t total = 0;
};

struct DeepOptions {
  std::map<Partition, Offset> from;    // begin there instead of where the log begins
  const SavedStates* saved = nullptr;  // begin there, with that state
  SavedStatesWriter* save = nullptr;   // gets the state at the checkpoint of every partition without a finding
  std::function<void(const DeepProgress&)> progress;
};

// Something that could not be compared, and why. No finding, and no clean bill either.
struct NotChecked {
  Partition partition;
  std::string text;
};

struct DeepPartition {
  Partition partition;
  ports::LogBounds log;
  Offset from;         // decided again from here
  Offset next_offset;  // up to here
  const char* start = "the beginning of the log";
  PartitionAudit::Counts counts;
  ResultsAudit::Counts results;
};

struct DeepReport {
  Findings findings;
  std::vector<NotChecked> not_checked;
  std::vector<DeepPartition> partitions;
};

// An error is something that kept the audit from its work, not something that it found.
[[nodiscard]] Result<DeepReport> deep_audit(ports::Log& log, ports::AuditRows& rows, const AuditKeys& keys,
                                            const DeepOptions& options);

// What the audit will hold at most, for its header.
[[nodiscard]] std::uint64_t memory_bytes_max(const std::vector<ports::StoredCheckpoint>& checkpoints);

}  // namespace openrun::cli
