// The rules a second time: re-executes the whole log as simply as they can be said, without the core, and compares
// every outcome, coupon and counter with what the store holds. Its only inputs are the log and the store's recorded
// verdicts.
#pragma once

#include "checker.hpp"
#include "context.hpp"

namespace openrun::simulation {

void compare_with_reference(Context& context, Checker& checker);

}  // namespace openrun::simulation
