#include "cli/results_audit.hpp"

#include <utility>

#include <openrun/crypto/mac.hpp>
#include <openrun/wire/result_batch.hpp>

#include "cli/batch_diff.hpp"

namespace openrun::cli {

ResultsAudit::ResultsAudit(const ports::StoredCheckpoint& checkpoint, OutcomeTable& outcomes, ports::AuditRows& rows,
                           Findings& findings)
    : checkpoint_(checkpoint), outcomes_(outcomes), rows_(rows), findings_(findings) {}

Result<void> ResultsAudit::record(const ports::LogRecord& record) {
  counts_.batches += 1;
  const std::string where = "results topic partition " + std::to_string(checkpoint_.partition.value) + " offset " +
                            std::to_string(record.offset.value);
  const auto batch = wire::decode_result_batch(record.value);
  if (!batch) {
    findings_.add("results_are_readable", where + ": " + batch.error().message);
    return {};
  }
  if (batch->partition != checkpoint_.partition) {
    findings_.add("results_as_decided", where + ": it holds outcomes of another partition");
    return {};
  }
  compare_entries(where, *batch);
  // What was committed after the snapshot is no part of it.
  if (batch->last_offset >= checkpoint_.next_offset) return {};
  for (const wire::CampaignCounters& counters : batch->campaigns) {
    Newest& newest = newest_[counters.campaign];
    if (batch->last_offset < newest.last_offset) continue;
    newest = {batch->last_offset, counters.digest};
  }
  return compare_with_outbox(where, *batch, record.value);
}

void ResultsAudit::compare_entries(const std::string& where, const wire::ResultBatch& batch) {
  for (const wire::OutcomeEntry& entry : batch.entries) {
    if (!outcomes_.covers(entry.offset)) continue;
    counts_.entries += 1;
    if (outcomes_.mark_seen(entry.offset)) counts_.again += 1;
    if (outcomes_.compare(entry) != OutcomeTable::Match::differs) continue;
    findings_.add("results_as_decided", where + ": request offset " + std::to_string(entry.offset.value) + " says " +
                                            in_words(entry) + ", which was not decided");
  }
}

Result<void> ResultsAudit::compare_with_outbox(const std::string& where, const wire::ResultBatch& batch,
                                               std::string_view payload) {
  if (batch.first_offset < outcomes_.from()) return {};
  if (outcomes_.compare_batch(batch.first_offset, batch.last_offset, payload) != OutcomeTable::BatchMatch::differs) {
    return {};
  }
  auto row = rows_.outbox_row(checkpoint_.partition, batch.first_offset);
  if (!row) return std::unexpected(std::move(row.error()));
  const auto stored = *row ? wire::decode_result_batch((*row)->payload) : fail(Error::Kind::not_found, "");
  if (!stored) return {};  // told of already, by the outbox's own checks
  const std::string differs = where + ": it differs from its outbox row: ";
  for (const std::string& text : differences(*stored, batch, {batch.first_offset, {}, true})) {
    std::string finding = differs;
    findings_.add("results_as_outbox", finding.append(text));
  }
  return {};
}

void ResultsAudit::finish(Offset required_from, Offset required_to) {
  constexpr std::size_t runs_max = 20;
  for (const OutcomeTable::Range& range : outcomes_.unseen(required_from, required_to, runs_max)) {
    findings_.add("results_are_complete", "partition " + std::to_string(checkpoint_.partition.value) +
                                              ": the results topic does not hold the outcomes of offsets " +
                                              std::to_string(range.first.value) + " to " +
                                              std::to_string(range.last.value));
  }
}

void ResultsAudit::compare_digests(const std::vector<ports::StoredCampaignRow>& campaigns) {
  for (const ports::StoredCampaignRow& row : campaigns) {
    const auto found = newest_.find(row.campaign.id);
    if (found == newest_.end()) continue;
    const Newest& newest = found->second;
    const std::string where = "campaign " + std::to_string(row.campaign.id.value) + ": ";
    if (newest.last_offset < row.counters_offset) {
      // The batch that the row names may wait for the relay.
      if (row.counters_offset >= checkpoint_.published_through) continue;
      findings_.add("campaign_version_as_published",
                    where + "counters_offset is " + std::to_string(row.counters_offset.value) +
                        ", the newest batch that touched it ends at " + std::to_string(newest.last_offset.value));
    } else if (newest.digest && *newest.digest != row.digest) {
      findings_.add("campaign_digest_as_published", where + "its digest is " + crypto::hex(row.digest) +
                                                        ", the results topic says " + crypto::hex(*newest.digest));
    }
  }
}

}  // namespace openrun::cli
