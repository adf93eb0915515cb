#include "producer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace openrun::kafka {
namespace {

static_assert(sizeof(void*) >= sizeof(std::uint64_t), "a token travels as the opaque pointer of its message");

// One record may be a batch of results (768 KiB) or a dead letter; topics take 1 MiB.
constexpr auto message_bytes_max = "2097152";
using std::chrono::milliseconds;

constexpr std::int64_t queue_records_bound = 10'000'000;  // librdkafka's own limits
constexpr std::int64_t queue_kbytes_bound = 2'147'483'647;

std::string in_ms(std::chrono::microseconds time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f",
                static_cast<double>(std::max<std::int64_t>(time.count(), 0)) / 1000.0);
  return text.data();
}

ClientSettings producer_settings(const Options& options) {
  ClientSettings settings;
  settings.type = RD_KAFKA_PRODUCER;
  settings.events = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR;
  settings.tuning = {{"retry.backoff.ms", "50"}};
  const auto records = std::clamp<std::int64_t>(options.queue_records_max, 1, queue_records_bound);
  const auto kbytes = std::clamp<std::int64_t>(options.queue_bytes_max / 1024, 1, queue_kbytes_bound);
  settings.guarantees = {
      {"acks", "all"},
      {"enable.idempotence", "true"},
      {"linger.ms", in_ms(options.linger)},
      {"message.timeout.ms", std::to_string(std::max<std::int64_t>(options.delivery_timeout.count(), 1))},
      {"queue.buffering.max.messages", std::to_string(records)},
      {"queue.buffering.max.kbytes", std::to_string(kbytes)},
      {"message.max.bytes", message_bytes_max},
  };
  return settings;
}

// Long enough for librdkafka's thread to hear of it, and short enough that what is appended afterwards is collected.
constexpr milliseconds flush_time{1};

ports::Delivery::Fate fate_of(const rd_kafka_message_t& message) {
  using Fate = ports::Delivery::Fate;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    // The broker acknowledges a repeated sequence number without saying where the record stands.
    return message.offset >= 0 ? Fate::stored : Fate::unknown;
  }
  return rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? Fate::failed : Fate::unknown;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::make(const Options& options, const std::string& topic,
                                                 ports::Logger& logger) {
  auto client = Client::make(options, producer_settings(options), &logger);
  if (!client) return std::unexpected(client.error());
  std::unique_ptr<Producer> producer(new Producer);
  producer->client_ = std::move(*client);
  producer->topic_name_ = topic;
  producer->topic_.reset(rd_kafka_topic_new(producer->client_->get(), topic.c_str(), nullptr));
  if (!producer->topic_) return std::unexpected(to_error(rd_kafka_last_error(), "naming the topic " + topic));
  producer->events_.reset(rd_kafka_queue_get_main(producer->client_->get()));
  producer->sender_ = std::thread([raw = producer.get()] { raw->run_sender(); });
  return producer;
}

Producer::~Producer() {
  if (!sender_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  sender_wakes_.notify_one();
  sender_.join();
}

void Producer::send_now() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(is_due_, true)) return;
  }
  sender_wakes_.notify_one();
}

void Producer::run_sender() {
  std::unique_lock lock(mutex_);
  while (true) {
    sender_wakes_.wait(lock, [this] { return is_due_ || is_stopping_; });
    if (is_stopping_) return;
    is_due_ = false;
    lock.unlock();
    rd_kafka_flush(client_->get(), timeout_ms(flush_time));
    lock.lock();
  }
}

Result<void> Producer::append(Partition partition, std::string_view key, std::string_view value,
                              const ports::Headers& headers, std::uint64_t token) {
  // librdkafka copies both; its signature knows no const.
  auto* const payload = const_cast<char*>(value.data());
  auto* const opaque = reinterpret_cast<void*>(static_cast<std::uintptr_t>(token));
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (headers.empty()) {
    if (rd_kafka_produce(topic_.get(), partition.value, RD_KAFKA_MSG_F_COPY, payload, value.size(), key.data(),
                         key.size(), opaque) != 0)
      code = rd_kafka_last_error();
  } else {
    rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
    for (const auto& [name, text] : headers)
      rd_kafka_header_add(list, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                          static_cast<ssize_t>(text.size()));
    code = rd_kafka_producev(client_->get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(partition.value),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
                             RD_KAFKA_V_VALUE(payload, value.size()), RD_KAFKA_V_HEADERS(list),
                             RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(list);
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(
        to_error(code, "appending to " + topic_name_ + " partition " + std::to_string(partition.value)));
  return {};
}

void Producer::poll(std::chrono::milliseconds timeout, ProducerEvents& events) {
  events.answers.clear();
  events.all_brokers_down = false;
  events.fatal = false;
  client_->follow_password();
  const EventPtr event(rd_kafka_queue_poll(events_.get(), timeout_ms(timeout)));
  if (!event) return;
  if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_DR) {
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
      ports::Delivery delivery;
      delivery.token = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(message->_private));
      delivery.fate = fate_of(*message);
      delivery.partition = Partition{message->partition};
      delivery.offset = Offset{message->offset};
      events.answers.push_back({delivery, is_outage(message->err)});
      if (delivery.fate == ports::Delivery::Fate::stored) client_->served();
    }
  } else if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
    const auto code = rd_kafka_event_error(event.get());
    events.all_brokers_down = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    events.fatal = code == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event.get()) != 0;
    const char* text = rd_kafka_event_error_string(event.get());
    events.reason = text != nullptr ? text : rd_kafka_err2str(code);
  }
}

void Producer::purge() {
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

bool Producer::connected(std::chrono::milliseconds timeout) const {
  const auto metadata = client_->metadata(topic_name_, timeout);
  if (!metadata) return false;
  const auto& topic = (*metadata)->topics[0];
  return std::all_of(topic.partitions, topic.partitions + topic.partition_cnt,
                     [](const auto& partition) { return partition.leader >= 0; });
}

}  // namespace openrun::kafka
