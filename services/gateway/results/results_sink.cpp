#include "gateway/results/results_sink.hpp"

namespace openrun::gateway {

void ResultsSink::apply(const wire::ResultBatch& batch, bool live) {
  // Winners before counters: a campaign that is sold out by these counters must not find its set short of these
  // winners.
  winners_.apply(batch);
  for (const wire::CommandResult& command : batch.commands) {
    if (!command.after) continue;
    if (!live && !cache_.find(command.after->id)) continue;
    cache_.apply(*command.after, batch.partition, command.offset);
  }
  for (const wire::CampaignCounters& counters : batch.campaigns) {
    if (const auto view = cache_.apply(counters, batch.last_offset)) directory_.noticed(*view);
  }
  window_.apply(batch, clock_.monotonic_us());
  lanes_.applied(batch.partition, batch.first_offset, batch.last_offset);
}

void ResultsSink::repair(const wire::ResultBatch& batch) {
  winners_.apply(batch);
  window_.repair(batch, clock_.monotonic_us());
  lanes_.applied(batch.partition, batch.first_offset, batch.last_offset);
}

}  // namespace openrun::gateway
