// Reads a closed range of one partition of the log. Sources of records are ports; no clock.
#pragma once

#include <functional>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::cli {

// The reader is for the record's headers.
using TakeRecord = std::function<Result<void>(const ports::LogRecord& record, const ports::LogReader& reader)>;

// Every record at or after `from` and below `to`, in order. Ends with Error::Kind::unavailable where nothing comes for
// log_patience, and with the first error of `take`.
inline constexpr std::chrono::seconds log_patience{30};
[[nodiscard]] Result<void> read_log(ports::Log& log, ports::Topic topic, Partition partition, Offset from, Offset to,
                                    const TakeRecord& take);

[[nodiscard]] Result<ports::LogBounds> log_bounds(ports::Log& log, ports::Topic topic, Partition partition);

}  // namespace openrun::cli
