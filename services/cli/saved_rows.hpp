// Rows from before a saved state against that state. One thread.
#pragma once

#include <openrun/base/result.hpp>
#include <openrun/crypto/coupon_code.hpp>

#include "cli/findings.hpp"
#include "cli/reexecution.hpp"
#include "cli/row_stream.hpp"

namespace openrun::cli {

// Takes the rows below the state's next_offset off the streams and compares: every claim has its coupon with its
// sequence, time and code, and no other coupon is there; every remembered command and every open dead letter has its
// row.
[[nodiscard]] Result<void> compare_rows_before(const StartState& state, RowStreams& streams,
                                               const crypto::CouponCodes& codes, Findings& findings);

}  // namespace openrun::cli
