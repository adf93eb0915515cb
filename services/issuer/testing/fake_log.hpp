// The request log in memory, with what the tests of issuer and relay ask of it. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <openrun/ports/request_log.hpp>

namespace openrun::testing {

class FakeLog final : public ports::Log {
 public:
  struct Stored {
    Timestamp time;
    std::string key;
    std::string value;
    ports::Headers headers;
  };

  Offset append(ports::Topic topic, Partition partition, Timestamp time, std::string value,
                ports::Headers headers = {});
  // Forgets everything below `begin`, as retention does.
  void expire(ports::Topic topic, Partition partition, Offset begin);
  // Deletes the topic and creates it anew, empty. Readers keep their positions.
  void recreate(ports::Topic topic, Partition partition);
  // While set, every call fails.
  void set_down(bool down);
  // While set, a reader behind the end of the log waits instead of failing, as some clients do.
  void set_lenient(bool lenient);
  // What a wedged client does: its polls bring nothing although records are there, or do not even return until they
  // are woken.
  enum class Wedge : std::uint8_t { none, silent, stuck };
  void set_wedge(Wedge wedge);
  // How many polls do not return.
  [[nodiscard]] int stuck() const;
  // How often a poll was ended by wake(), and how many polls are waiting now.
  [[nodiscard]] int wakes() const;
  [[nodiscard]] int waiting() const;

  [[nodiscard]] ports::LogBounds bounds(ports::Topic topic, Partition partition) const;
  [[nodiscard]] std::vector<Stored> records(ports::Topic topic, Partition partition) const;

  [[nodiscard]] Result<std::unique_ptr<ports::LogReader>> open(ports::Topic topic, Partition partition,
                                                               Offset from) override;
  [[nodiscard]] Result<Offset> offset_at(ports::Topic topic, Partition partition, Timestamp time,
                                         std::chrono::milliseconds timeout) override;
  [[nodiscard]] Result<std::int32_t> partitions(ports::Topic topic, std::chrono::milliseconds timeout) override;

 private:
  friend class FakeLogReader;
  struct Contents {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::map<std::int64_t, Stored> records;
  };
  using Name = std::pair<ports::Topic, Partition>;

  mutable std::mutex mutex_;
  std::condition_variable appended_;
  std::map<Name, Contents> contents_;
  bool down_ = false;
  bool lenient_ = false;
  Wedge wedge_ = Wedge::none;
  int wakes_ = 0;
  int waiting_ = 0;
  int stuck_ = 0;
};

// Appends to a FakeLog at once; deliveries are reported from within append().
class FakeAppender final : public ports::LogAppender {
 public:
  FakeAppender(FakeLog& log, ports::Topic topic, OnDeliveries on_deliveries = {})
      : log_(log), topic_(topic), on_deliveries_(std::move(on_deliveries)) {}

  [[nodiscard]] Result<void> append(Partition partition, std::string_view key, std::string_view value,
                                    const ports::Headers& headers, std::uint64_t token) override;
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override { return {}; }
  bool flush(std::chrono::milliseconds /*timeout*/) override { return true; }

 private:
  FakeLog& log_;
  const ports::Topic topic_;
  const OnDeliveries on_deliveries_;
};

}  // namespace openrun::testing
