// What the store knows about one record, for receipts that the window cannot answer. Blocking: on the pool's threads.
#pragma once

#include <cstdint>
#include <optional>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/results/results_window.hpp"

namespace openrun::gateway {

struct StoredOutcome {
  enum class Kind : std::uint8_t {
    decided,    // `found`
    undecided,  // not yet: `next_offset` is the frontier
    gone,       // below the outcomes that are kept, or the log holds another record at this offset
  } kind = Kind::undecided;
  Found found;
  Offset next_offset;
  std::optional<wire::ResultBatch> batch;  // that the outcome stood in
};

// Follows a replayed dead letter to its final outcome.
[[nodiscard]] Result<StoredOutcome> look_up_outcome(ports::GatewayStore& store, Partition partition, Offset offset,
                                                    std::uint32_t nonce);

// What became of a command. A repeated one is followed to the first use of its key.
struct StoredCommand {
  issuance::Outcome outcome = issuance::Outcome::none;  // none: not decided, or not kept
  std::optional<issuance::Campaign> after;
  Offset offset;  // where `after` was true
};
[[nodiscard]] Result<StoredCommand> look_up_command(ports::GatewayStore& store, Partition partition, Offset offset);

}  // namespace openrun::gateway
