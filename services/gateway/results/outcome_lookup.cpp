#include "gateway/results/outcome_lookup.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {
namespace {

Result<std::optional<wire::ResultBatch>> read_batch(ports::GatewayStore& store, Partition partition, Offset offset) {
  const auto payload = store.outcome_batch(partition, offset);
  if (!payload) return std::unexpected(payload.error());
  if (!*payload) return std::optional<wire::ResultBatch>{};
  auto batch = wire::decode_result_batch(**payload);
  if (!batch) return fail(Error::Kind::internal, "outbox row cannot be decoded: " + batch.error().message);
  if (batch->partition != partition || offset < batch->first_offset || offset > batch->last_offset) {
    return fail(Error::Kind::internal, "outbox row does not hold the offset by which it was found");
  }
  return std::optional<wire::ResultBatch>(std::move(*batch));
}

Found found_of(const wire::OutcomeEntry& entry) {
  Found found;
  found.kind = Found::Kind::decided;
  found.outcome = entry.outcome;
  found.sequence = entry.sequence;
  found.issued_at = entry.issued_at;
  return found;
}

const wire::OutcomeEntry& entry_at(const wire::ResultBatch& batch, Offset offset) {
  return batch.entries.at(static_cast<std::size_t>(offset - batch.first_offset));
}

}  // namespace

Result<StoredOutcome> look_up_outcome(ports::GatewayStore& store, Partition partition, Offset offset,
                                      std::uint32_t nonce) {
  StoredOutcome answer;
  auto batch = read_batch(store, partition, offset);
  if (!batch) return std::unexpected(batch.error());
  if (!*batch) {
    const auto progress = store.progress(partition);
    if (!progress) return std::unexpected(progress.error());
    answer.next_offset = progress->next_offset;
    if (offset >= progress->next_offset) return answer;
    // It may have been committed between the two questions.
    batch = read_batch(store, partition, offset);
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) {
      answer.kind = StoredOutcome::Kind::gone;
      return answer;
    }
  }
  const wire::OutcomeEntry entry = entry_at(**batch, offset);
  answer.batch = std::move(*batch);
  if (entry.outcome == issuance::Outcome::none || entry.nonce != nonce) {
    answer.kind = StoredOutcome::Kind::gone;
    return answer;
  }
  answer.kind = StoredOutcome::Kind::decided;
  answer.found = found_of(entry);
  if (entry.outcome != issuance::Outcome::dead_lettered) return answer;

  const auto final_offset = store.replay_of(partition, offset);
  if (!final_offset) return std::unexpected(final_offset.error());
  if (!*final_offset) return answer;
  const auto final_batch = read_batch(store, partition, **final_offset);
  if (!final_batch) return std::unexpected(final_batch.error());
  if (*final_batch) answer.found = found_of(entry_at(**final_batch, **final_offset));
  return answer;
}

Result<StoredCommand> look_up_command(ports::GatewayStore& store, Partition partition, Offset offset) {
  StoredCommand answer;
  // A repeated command names the first use of its key; that one was applied or refused, never repeated itself.
  for (int step = 0; step < 2; ++step) {
    const auto batch = read_batch(store, partition, offset);
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) return answer;
    const auto& commands = (*batch)->commands;
    const auto command =
        std::ranges::find_if(commands, [&](const wire::CommandResult& one) { return one.offset == offset; });
    if (command == commands.end()) {
      answer.outcome = entry_at(**batch, offset).outcome;
      return answer;
    }
    answer.outcome = command->outcome;
    answer.after = command->after;
    answer.offset = offset;
    if (command->outcome != issuance::Outcome::command_repeated || !command->first_offset) return answer;
    offset = *command->first_offset;
  }
  return answer;
}

}  // namespace openrun::gateway
