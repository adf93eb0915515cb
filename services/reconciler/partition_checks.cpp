#include "reconciler/partition_checks.hpp"

#include <initializer_list>
#include <string>
#include <utility>

namespace openrun::reconciler {
namespace {

using Numbers = std::initializer_list<std::pair<const char*, std::int64_t>>;

void expect(bool holds, std::string_view invariant, Numbers numbers, std::vector<Finding>& found) {
  if (holds) return;
  std::string detail;
  for (const auto& [name, number] : numbers) {
    detail.append(detail.empty() ? "" : ", ").append(name).append(" ").append(std::to_string(number));
  }
  found.push_back({std::string(invariant), std::move(detail)});
}

}  // namespace

std::vector<Finding> check_partition(const PartitionFacts& now, const std::optional<PartitionFacts>& before) {
  std::vector<Finding> found;
  const bool has_rows = now.outbox_first.value >= 0;
  expect(now.outbox_gaps == 0, "outbox_without_gap", {{"gaps", now.outbox_gaps}}, found);
  // Each commit writes its outbox row and its checkpoint together.
  expect(!has_rows || now.outbox_next == now.next_offset, "outbox_ends_at_checkpoint",
         {{"outbox_next", now.outbox_next.value}, {"next_offset", now.next_offset.value}}, found);
  expect(now.published_through <= now.next_offset, "published_within_log",
         {{"published_through", now.published_through.value}, {"next_offset", now.next_offset.value}}, found);
  // Rows below the oldest kept one were deleted, which only published rows may be.
  const Offset oldest_kept = has_rows ? now.outbox_first : now.next_offset;
  expect(oldest_kept <= now.published_through, "pruned_only_published",
         {{"oldest_kept", oldest_kept.value}, {"published_through", now.published_through.value}}, found);
  if (before) {
    expect(now.next_offset >= before->next_offset && now.epoch >= before->epoch, "checkpoint_never_runs_back",
           {{"next_offset", now.next_offset.value},
            {"next_offset_before", before->next_offset.value},
            {"epoch", now.epoch.value},
            {"epoch_before", before->epoch.value}},
           found);
  }
  return found;
}

}  // namespace openrun::reconciler
