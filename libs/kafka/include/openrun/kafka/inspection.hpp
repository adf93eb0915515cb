// How topics and groups are, for those who look before an event. It reads only. Any thread.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include <openrun/base/result.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/ports/inspection.hpp>

namespace openrun::kafka {

// The three topics, the requests' with the bounds of their partitions, and the groups, each with the topic whose
// partitions are dealt out in it. Blocks for `timeout` at most. Error::Kind::unavailable: no broker answered, and
// nothing is known.
[[nodiscard]] Result<ports::LogState> inspect_log(const Options& options,
                                                  const std::map<std::string, ports::Topic>& groups,
                                                  std::chrono::milliseconds timeout);

}  // namespace openrun::kafka
