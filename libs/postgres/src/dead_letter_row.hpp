// A dead letter and its row.
#pragma once

#include <openrun/ports/coupon_store.hpp>

#include "values.hpp"

namespace openrun::postgres {

// For SELECT ... FROM dead_letter, in the order that read_dead_letter() expects from `first` on.
#define OPENRUN_DEAD_LETTER_COLUMNS "\"offset\", log_time, key, value, headers, reason, error, replays"
inline constexpr int dead_letter_columns_end = 8;

[[nodiscard]] ports::DeadLetterRow read_dead_letter(const Rows& rows, int row, int first = 0);

}  // namespace openrun::postgres
