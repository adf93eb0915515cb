// ports::DeadLetterStore over libpq.
#pragma once

#include <memory>

#include <openrun/ports/dead_letters.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/postgres/postgres.hpp>

namespace openrun::postgres {

[[nodiscard]] std::unique_ptr<ports::DeadLetterStore> make_dead_letter_store(const Options& options,
                                                                             ports::Logger& logger);

}  // namespace openrun::postgres
