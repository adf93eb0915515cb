#include <algorithm>

#include <openrun/kafka/kafka.hpp>

#include "client.hpp"
#include "reader.hpp"

namespace openrun::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class KafkaLog final : public ports::Log {
 public:
  KafkaLog(Options options, std::shared_ptr<Client> client, ports::Logger& logger)
      : options_(std::move(options)), client_(std::move(client)), logger_(logger) {}

  Result<std::unique_ptr<ports::LogReader>> open(ports::Topic topic, Partition partition, Offset from) override {
    const auto name = topic_name(options_, topic);
    if (!name) return std::unexpected(name.error());
    return Reader::open(options_, *name, partition, from, client_, logger_);
  }

  Result<Offset> offset_at(ports::Topic topic, Partition partition, Timestamp time, milliseconds timeout) override {
    const auto name = topic_name(options_, topic);
    if (!name) return std::unexpected(name.error());
    const auto deadline = steady_clock::now() + timeout;
    const auto offset = query_offset(*client_, *name, partition, std::max<std::int64_t>(time.value, 0), timeout);
    if (!offset) return std::unexpected(offset.error());
    if (*offset >= 0) return Offset{*offset};
    // Nothing is that young.
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const auto bounds = query_bounds(*client_, *name, partition, left);
    if (!bounds) return std::unexpected(bounds.error());
    return bounds->end;
  }

  Result<std::int32_t> partitions(ports::Topic topic, milliseconds timeout) override {
    const auto name = topic_name(options_, topic);
    if (!name) return std::unexpected(name.error());
    const auto metadata = client_->metadata(*name, timeout);
    if (!metadata) return std::unexpected(metadata.error());
    return (*metadata)->topics[0].partition_cnt;
  }

 private:
  const Options options_;
  const std::shared_ptr<Client> client_;  // for questions; it reads nothing
  ports::Logger& logger_;
};

}  // namespace

Result<std::unique_ptr<ports::Log>> make_log(const Options& options, ports::Logger& logger) {
  ClientSettings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.guarantees = {{"allow.auto.create.topics", "false"}, {"isolation.level", "read_uncommitted"}};
  auto client = Client::make(options, std::move(settings), &logger);
  if (!client) return std::unexpected(client.error());
  return std::make_unique<KafkaLog>(options, std::move(*client), logger);
}

}  // namespace openrun::kafka
