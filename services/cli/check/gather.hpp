// Asks Postgres, Kafka and the gateways for the facts, each with a deadline. Changes nothing. Blocks; for the main
// thread.
#pragma once

#include "cli/check/facts.hpp"
#include "cli/context.hpp"

namespace openrun::cli::check {

// A statement, each of two looks at Kafka, and a call of a gateway take at most so long, where a connection must be
// made its own time-out more. What answers none of them is not asked further: no part keeps the others from being
// looked at.
inline constexpr std::chrono::milliseconds statement_timeout{3'000};
inline constexpr std::chrono::milliseconds log_timeout{10'000};
inline constexpr std::chrono::milliseconds call_timeout{3'000};

// `asked` with the campaigns, the gateways and the issuers of the command line; the rest of it comes from the
// configuration. Throws CommandFailed with usage_error for a configuration that cannot be read.
[[nodiscard]] Facts gather(const Context& context, Asked asked);

}  // namespace openrun::cli::check
