#include "reader.hpp"

#include <algorithm>

namespace openrun::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds probe_interval{250};
// A caller that does not wait at all still learns that the broker is back.
constexpr milliseconds probe_timeout_min{50};
constexpr milliseconds probe_timeout_max{250};

ClientSettings reader_settings(milliseconds gather) {
  ClientSettings settings;
  settings.type = RD_KAFKA_CONSUMER;
  const bool gathers = gather.count() > 0;
  settings.tuning = {
      // The broker answers as soon as one byte is there, so a long wait costs no latency and an idle partition few
      // requests; or, for who gathers, when there is a good deal.
      {"fetch.min.bytes", gathers ? "1048576" : "1"},
      {"fetch.wait.max.ms", gathers ? std::to_string(gather.count()) : "500"},
      {"fetch.error.backoff.ms", "50"},
      {"fetch.message.max.bytes", "2097152"},
      // The bound of what is read ahead. librdkafka 2.0.2 looks only once a second whether there is room again, so the
      // bound
      // is what a reader takes in more than a second, and it is one of bytes alone.
      {"queued.max.messages.kbytes", "32768"},
      {"queued.min.messages", "1000000"},
      {"check.crcs", "true"},
  };
  settings.guarantees = {
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      // A log that lost something must stop its reader, not move it.
      {"auto.offset.reset", "error"},
      // A stranger's open transaction must not hold up the queue; bounds() then tells the true end as well.
      {"isolation.level", "read_uncommitted"},
      {"allow.auto.create.topics", "false"},
  };
  return settings;
}

bool is_position_error(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
}

std::string_view to_view(const void* data, std::size_t size) {
  return data == nullptr ? std::string_view{} : std::string_view(static_cast<const char*>(data), size);
}

// Headers are parsed when they are asked for the first time, and live as long as the message.
std::string_view traceparent_of(const rd_kafka_message_t* message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_header_get_last(headers, traceparent_name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return to_view(value, size);
}

// A client learns of added partitions when it next asks what the topic has (every 30 s); others may know of them
// before. The metadata that is asked for here tells the client too, so the next question is answered.
bool is_there_after_all(const Client& client, const std::string& topic, Partition partition, rd_kafka_resp_err_t code,
                        milliseconds timeout) {
  if (code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return false;
  const auto metadata = client.metadata(topic, timeout);
  return metadata && (*metadata)->topics[0].partition_cnt > partition.value;
}

}  // namespace

MessageBatch::~MessageBatch() {
  for (auto* message : messages) rd_kafka_message_destroy(message);
}

Result<std::int64_t> query_offset(const Client& client, const std::string& topic, Partition partition,
                                  std::int64_t time, milliseconds timeout) {
  client.follow_password();
  const PartitionListPtr list(rd_kafka_topic_partition_list_new(1));
  auto* entry = rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition.value);
  entry->offset = time;
  auto code = rd_kafka_offsets_for_times(client.get(), list.get(), timeout_ms(timeout));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = entry->err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Error error = to_error(code, "asking for an offset of " + topic + " partition " + std::to_string(partition.value));
    if (is_there_after_all(client, topic, partition, code, timeout)) error.kind = Error::Kind::unavailable;
    return std::unexpected(client.explained(std::move(error)));
  }
  client.served();
  return entry->offset;
}

// Not by rd_kafka_query_watermark_offsets: in librdkafka 2.0.2 it may wait for ever when the broker goes away.
Result<ports::LogBounds> query_bounds(const Client& client, const std::string& topic, Partition partition,
                                      milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  const auto begin = query_offset(client, topic, partition, RD_KAFKA_OFFSET_BEGINNING, timeout);
  if (!begin) return std::unexpected(begin.error());
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  const auto end = query_offset(client, topic, partition, RD_KAFKA_OFFSET_END, left);
  if (!end) return std::unexpected(end.error());
  if (*begin < 0 || *end < *begin) return fail(Error::Kind::internal, "Kafka gave no bounds of " + topic);
  return ports::LogBounds{Offset{*begin}, Offset{*end}};
}

Result<std::unique_ptr<ports::LogReader>> Reader::open(const Options& options, const std::string& topic,
                                                       Partition partition, Offset from,
                                                       std::shared_ptr<Client> questions, ports::Logger& logger) {
  if (partition.value < 0 || from.value < 0)
    return fail(Error::Kind::invalid, "partition " + std::to_string(partition.value) + " offset " +
                                          std::to_string(from.value) + ": neither can be negative");
  std::unique_ptr<Reader> reader(new Reader(topic, partition, from, std::move(questions), logger));
  auto settings = reader_settings(options.read_gather);
  settings.on_error = [raw = reader.get()](rd_kafka_resp_err_t code, const char* reason) {
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) raw->trouble_ = to_error(code, reason);
  };
  auto client = Client::make(options, std::move(settings), &logger);
  if (!client) return std::unexpected(client.error());
  reader->client_ = std::move(*client);
  reader->topic_.reset(rd_kafka_topic_new(reader->client_->get(), topic.c_str(), nullptr));
  if (!reader->topic_) return std::unexpected(to_error(rd_kafka_last_error(), "naming the topic " + topic));
  reader->queue_.reset(rd_kafka_queue_new(reader->client_->get()));
  if (rd_kafka_consume_start_queue(reader->topic_.get(), partition.value, from.value, reader->queue_.get()) != 0)
    return std::unexpected(to_error(rd_kafka_last_error(), "reading " + topic));
  reader->started_ = true;
  return reader;
}

Reader::~Reader() {
  if (started_) rd_kafka_consume_stop(topic_.get(), partition_.value);
}

Result<ports::LogBatch> Reader::poll(std::size_t records_max, milliseconds timeout) {
  last_.reset();
  if (lost_) return std::unexpected(*lost_);
  client_->follow_password();
  rd_kafka_poll(client_->get(), 0);  // errors of the handle

  auto batch = std::make_shared<MessageBatch>(client_);
  const auto deadline = steady_clock::now() + timeout;
  while (records_max > 0 && batch->messages.empty() && !lost_) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    // The batch call of librdkafka 2.0.2 waits until its array is full; so the first message is waited for alone.
    rd_kafka_message_t* first = rd_kafka_consume_queue(queue_.get(), timeout_ms(left));
    if (first == nullptr) break;
    take(first, *batch);
  }
  if (!batch->messages.empty()) {
    trouble_.reset();
    client_->served();
    drain(records_max, *batch);
    return to_log_batch(std::move(batch));
  }
  rd_kafka_poll(client_->get(), 0);
  if (trouble_ && !lost_) probe(std::clamp(timeout, probe_timeout_min, probe_timeout_max));
  if (lost_) return std::unexpected(*lost_);
  if (trouble_) return std::unexpected(client_->explained(*trouble_));
  return ports::LogBatch{};
}

// Takes a message over: a record into the batch, anything else into this reader's state.
void Reader::take(rd_kafka_message_t* message, MessageBatch& batch) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    batch.messages.push_back(message);
    next_ = Offset{message->offset + 1};
    return;
  }
  const auto code = message->err;
  const std::string text = rd_kafka_message_errstr(message);
  rd_kafka_message_destroy(message);
  if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
  if (is_position_error(code)) return lose(text);
  // A topic that is missing just now may be about to be made; either way the reader recovers by itself.
  trouble_ = Error{Error::Kind::unavailable, to_error(code, "reading " + topic_name_).message};
}

void Reader::drain(std::size_t records_max, MessageBatch& batch) {
  if (records_max <= 1) return;
  scratch_.resize(records_max - 1);
  const auto count = rd_kafka_consume_batch_queue(queue_.get(), 0, scratch_.data(), scratch_.size());
  if (count <= 0) return;
  batch.messages.reserve(static_cast<std::size_t>(count) + 1);
  for (ssize_t i = 0; i < count; ++i) take(scratch_[static_cast<std::size_t>(i)], batch);
}

ports::LogBatch Reader::to_log_batch(std::shared_ptr<MessageBatch> batch) {
  ports::LogBatch out;
  out.records.reserve(batch->messages.size());
  for (const auto* message : batch->messages) {
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const auto time = rd_kafka_message_timestamp(message, &type);
    if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME && !told_of_time_type_) {
      told_of_time_type_ = true;
      logger_.warning("records do not carry the broker's time; run openrun topics check", {{"topic", topic_name_}});
    }
    out.records.push_back({.partition = partition_,
                           .offset = Offset{message->offset},
                           .time = Timestamp{time},
                           .key = to_view(message->key, message->key_len),
                           .value = to_view(message->payload, message->len),
                           .traceparent = traceparent_of(message)});
  }
  last_ = batch;
  out.owner = std::move(batch);
  return out;
}

// Whether the broker is back, and whether the position still lies within the log.
void Reader::probe(milliseconds timeout) {
  const auto now = steady_clock::now();
  if (now < next_probe_) return;
  next_probe_ = now + probe_interval;
  const auto found = query_bounds(*questions_, topic_name_, partition_, timeout);
  if (!found) return;
  trouble_.reset();
  if (next_ < found->begin || next_ > found->end)
    lose("the log now holds offsets " + std::to_string(found->begin.value) + " to " + std::to_string(found->end.value));
}

void Reader::lose(const std::string& why) {
  lost_ = Error{Error::Kind::not_found, topic_name_ + " partition " + std::to_string(partition_.value) + ": offset " +
                                            std::to_string(next_.value) + " is outside the log: " + why};
}

Result<ports::LogBounds> Reader::bounds(milliseconds timeout) {
  return query_bounds(*questions_, topic_name_, partition_, timeout);
}

ports::Headers Reader::headers(const ports::LogRecord& record) const {
  ports::Headers out;
  if (!last_) return out;
  const auto found = std::ranges::lower_bound(last_->messages, record.offset.value, {},
                                              [](const rd_kafka_message_t* message) { return message->offset; });
  if (found == last_->messages.end() || (*found)->offset != record.offset.value) return out;
  rd_kafka_headers_t* list = nullptr;
  if (rd_kafka_message_headers(*found, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    out.emplace_back(name, to_view(value, size));
  return out;
}

void Reader::wake() {
  rd_kafka_queue_yield(queue_.get());
}

}  // namespace openrun::kafka
