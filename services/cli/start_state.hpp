// The state right before an offset, put together from what Postgres holds now: for logs that begin after offset 0.
#pragma once

#include <set>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/audit_rows.hpp>

#include "cli/reexecution.hpp"
#include "cli/row_stream.hpp"

namespace openrun::cli {

// Takes the rows below `from` off the streams. A campaign that a command has changed since is put back by the newest
// command below `from` whose result the outbox still holds; without one it is `unknown`. The log's time is the newest
// that any of these rows tells, which can only be too early.
[[nodiscard]] Result<StartState> state_from_rows(const ports::StoredCheckpoint& checkpoint, Offset from,
                                                 const std::vector<ports::StoredCampaignRow>& campaigns,
                                                 RowStreams& streams);

}  // namespace openrun::cli
