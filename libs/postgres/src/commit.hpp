// One batch as one transaction, on a connection that holds no other.
#pragma once

#include <cstddef>
#include <optional>

#include <openrun/ports/coupon_store.hpp>

#include "connection.hpp"

namespace openrun::postgres {

enum class Ending { commit, roll_back };

// COPY stands in no pipeline, so it costs three more round trips; a row of it costs less. From about so many coupons
// on, which only a backlog has, that is worth more (docs/decisions/0006-libpq-instead-of-libpqxx.md).
inline constexpr std::size_t copied_coupons_min = 1'000;

// One round trip, or four with so many coupons. On anything but `committed` the connection
// is not to be used again, and `failure` says why.
[[nodiscard]] ports::CommitAnswer write_batch(Connection& connection, const ports::CommitBatch& batch, Ending ending,
                                              std::optional<Failure>& failure);

}  // namespace openrun::postgres
