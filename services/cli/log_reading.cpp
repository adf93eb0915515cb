#include "cli/log_reading.hpp"

#include <string>

namespace openrun::cli {
namespace {

constexpr std::size_t records_per_poll = 5'000;
constexpr std::chrono::milliseconds poll_timeout{500};

std::string name_of(ports::Topic topic, Partition partition) {
  const char* name = topic == ports::Topic::requests ? "requests" : "results";
  return std::string("the ") + name + " topic, partition " + std::to_string(partition.value);
}

}  // namespace

Result<void> read_log(ports::Log& log, ports::Topic topic, Partition partition, Offset from, Offset to,
                      const TakeRecord& take) {
  if (from >= to) return {};
  auto reader = log.open(topic, partition, from);
  if (!reader) return std::unexpected(std::move(reader.error()));
  Offset next = from;
  std::chrono::milliseconds silent{0};
  while (next < to) {
    const auto batch = (*reader)->poll(records_per_poll, poll_timeout);
    if (!batch && batch.error().kind == Error::Kind::not_found) {
      return fail(Error::Kind::unavailable, name_of(topic, partition) + " lost records while they were read: " +
                                                batch.error().message + "; try again");
    }
    if (!batch || batch->records.empty()) {
      silent += poll_timeout;
      if (silent < log_patience) continue;
      return fail(Error::Kind::unavailable, "nothing came from " + name_of(topic, partition) + " after offset " +
                                                std::to_string(next.value - 1) +
                                                (batch ? std::string() : ": " + batch.error().message));
    }
    silent = std::chrono::milliseconds{0};
    for (const ports::LogRecord& record : batch->records) {
      if (record.offset >= to) return {};
      if (record.offset < next) continue;
      if (auto taken = take(record, **reader); !taken) return taken;
      next = record.offset + 1;
    }
  }
  return {};
}

Result<ports::LogBounds> log_bounds(ports::Log& log, ports::Topic topic, Partition partition) {
  constexpr std::chrono::seconds timeout{10};
  auto reader = log.open(topic, partition, Offset{0});
  if (!reader) return std::unexpected(std::move(reader.error()));
  auto bounds = (*reader)->bounds(timeout);
  if (!bounds) {
    return fail(bounds.error().kind,
                name_of(topic, partition) + " does not tell its bounds: " + bounds.error().message);
  }
  return bounds;
}

}  // namespace openrun::cli
