// One batch as one transaction, on a connection that holds no other.
#pragma once

#include <optional>

#include <openrun/ports/coupon_store.hpp>

#include "connection.hpp"

namespace openrun::postgres {

enum class Ending { commit, roll_back };

// One round trip, whatever the batch holds. On anything but `committed` the connection is not to be used again, and
// `failure` says why.
[[nodiscard]] ports::CommitAnswer write_batch(Connection& connection, const ports::CommitBatch& batch, Ending ending,
                                              std::optional<Failure>& failure);

}  // namespace openrun::postgres
