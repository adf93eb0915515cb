// Outbox rows against the decisions of their offsets: a batch is made once more and compared byte by byte.
#include <algorithm>
#include <utility>

#include <openrun/crypto/coupon_chain.hpp>

#include "cli/partition_audit.hpp"

namespace openrun::cli {

Result<void> PartitionAudit::open_batch(Offset offset) {
  if (batch_ && offset > batch_->row.last_offset) close_batch();
  while (!batch_) {
    const auto next = streams_.outbox.peek();
    if (!next) return std::unexpected(next.error());
    if (*next == nullptr || (*next)->first_offset > offset) return {};
    const ports::StoredOutboxRow row = **next;
    streams_.outbox.pop();
    if (row.last_offset < from_) continue;
    if (row.last_offset < offset) {
      find("outbox_as_decided", at(row.first_offset), "an outbox row stands for offsets that hold no record");
      continue;
    }
    open_row(row);
    if (!batch_) return {};
  }
  return {};
}

void PartitionAudit::open_row(const ports::StoredOutboxRow& row) {
  counts_.outbox_rows += 1;
  if (!outbox_first_) {
    outbox_first_ = row.first_offset;
  } else if (row.first_offset != batch_expected_) {
    find("outbox_without_gap", at(row.first_offset),
         "the outbox row before ends before offset " + std::to_string(batch_expected_.value));
  }
  batch_expected_ = row.last_offset + 1;
  if (since_ && !first_since_ && row.created_at >= *since_) first_since_ = row.first_offset;
  outcomes_.add_batch(row.first_offset, row.last_offset, row.payload);

  auto found = wire::decode_result_batch(row.payload);
  if (!found) {
    find("outbox_is_readable", at(row.first_offset), found.error().message);
    return;
  }
  if (found->first_offset != row.first_offset || found->last_offset != row.last_offset ||
      found->partition != checkpoint_.partition) {
    find("outbox_as_decided", at(row.first_offset), "the row's offsets or partition are not those of its payload");
    return;
  }
  if (found->epoch > checkpoint_.epoch) {
    find("outbox_as_decided", at(row.first_offset), "its epoch is beyond the partition's");
  }
  const Offset first = std::max(row.first_offset, from_);
  BatchLimits limits{from_, reexecution_.unknown(), row.first_offset >= from_};
  batch_ = Batch{row,
                 std::move(*found),
                 wire::ResultBatchBuilder(checkpoint_.partition, found->epoch, first),
                 std::move(limits),
                 {},
                 0};
}

void PartitionAudit::close_batch() {
  Batch batch = std::move(*batch_);
  batch_.reset();
  if (batch.records == 0) {
    find("outbox_as_decided", at(batch.row.first_offset), "an outbox row stands for offsets that hold no record");
    return;
  }
  std::vector<issuance::Campaign> touched;
  std::vector<Digest> digests;
  for (const CampaignId id : batch.touched) {
    touched.push_back(*reexecution_.machine().find(id));
    const auto head = heads_.find(id);
    digests.push_back(head == heads_.end() ? crypto::chain_start(id) : head->second);
  }
  std::string payload = batch.builder.finish(touched, reexecution_.machine().log_time());
  const std::size_t without_digests = payload.size();
  wire::append_digests(payload, digests);
  if (payload == batch.row.payload) return;
  const auto expected = wire::decode_result_batch(payload);
  std::vector<std::string> wrong;
  if (expected) wrong = differences(*expected, *batch.found, batch.limits);
  for (const std::string& text : wrong) find("outbox_as_decided", at(batch.row.first_offset), text);
  if (!wrong.empty() || !batch.limits.whole || !batch.limits.unknown.empty()) return;
  // A writer of before the digests left them out.
  if (std::string_view(payload).substr(0, without_digests) == batch.row.payload) return;
  find("outbox_bytes_as_decided", at(batch.row.first_offset), "the row says what was decided, but in other bytes");
}

}  // namespace openrun::cli
