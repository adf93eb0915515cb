// The limit of the log: records of a request's size into one topic and out again, with the settings of openrun's
// producer (acks=all, idempotence, one millisecond of linger), and nothing else. Makes the topic and deletes it.
// openrun-bench-log BROKERS RECORDS -> prints records a second produced and consumed, as one JSON object.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <librdkafka/rdkafka.h>

namespace {

constexpr const char* topic = "openrun-bench-raw-log";
constexpr int wait_ms = 30'000;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "openrun-bench-log: %s\n", why.c_str());
  std::exit(1);
}

using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

void on_delivery(rd_kafka_t* /*client*/, const rd_kafka_message_t* message, void* /*opaque*/) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) stop(rd_kafka_err2str(message->err));
}

Client make(rd_kafka_type_t type, std::initializer_list<std::pair<const char*, const char*>> settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) stop(error);
  }
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  Client client(rd_kafka_new(type, conf, error, sizeof error), rd_kafka_destroy);
  if (!client) stop(error);
  return client;
}

void change_topic(rd_kafka_t* client, bool wanted) {
  const std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(rd_kafka_queue_new(client),
                                                                                   rd_kafka_queue_destroy);
  if (wanted) {
    char error[512];
    rd_kafka_NewTopic_t* fresh = rd_kafka_NewTopic_new(topic, 1, 1, error, sizeof error);
    rd_kafka_CreateTopics(client, &fresh, 1, nullptr, queue.get());
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue.get(), wait_ms));
    rd_kafka_NewTopic_destroy(fresh);
  } else {
    rd_kafka_DeleteTopic_t* old = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_DeleteTopics(client, &old, 1, nullptr, queue.get());
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue.get(), wait_ms));
    rd_kafka_DeleteTopic_destroy(old);
  }
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double produce(rd_kafka_t* producer, long records) {
  std::string value(60, 'x');
  const auto begin = std::chrono::steady_clock::now();
  for (long i = 0; i < records; ++i) {
    while (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY("1", 1),
                             RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
      rd_kafka_poll(producer, 10);
    if (i % 1'000 == 0) rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) stop("the broker has not taken all records");
  return static_cast<double>(records) / seconds_since(begin);
}

double consume(rd_kafka_t* consumer, long records) {
  rd_kafka_topic_partition_list_t* partitions = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(partitions, topic, 0)->offset = 0;
  rd_kafka_assign(consumer, partitions);
  rd_kafka_topic_partition_list_destroy(partitions);
  std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(rd_kafka_queue_get_consumer(consumer),
                                                                             rd_kafka_queue_destroy);
  rd_kafka_message_t* messages[1'000];
  auto begin = std::chrono::steady_clock::now();
  long seen = 0;
  while (seen < records) {
    const ssize_t count = rd_kafka_consume_batch_queue(queue.get(), wait_ms, messages, 1'000);
    if (count <= 0) stop("no records came");
    if (seen == 0) begin = std::chrono::steady_clock::now();
    for (ssize_t i = 0; i < count; ++i) {
      if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++seen;
      rd_kafka_message_destroy(messages[i]);
    }
  }
  const double rate = static_cast<double>(seen) / seconds_since(begin);
  rd_kafka_consumer_close(consumer);
  return rate;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: openrun-bench-log BROKERS RECORDS\n");
    return 2;
  }
  const long records = std::atol(argv[2]);
  const Client producer = make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", argv[1]},
                                                   {"acks", "all"},
                                                   {"enable.idempotence", "true"},
                                                   {"linger.ms", "1"},
                                                   {"queue.buffering.max.messages", "200000"}});
  change_topic(producer.get(), true);
  const double produced = produce(producer.get(), records);
  double consumed = 0;
  {
    const Client consumer = make(RD_KAFKA_CONSUMER, {{"bootstrap.servers", argv[1]},
                                                     {"group.id", "openrun-bench"},
                                                     {"enable.auto.commit", "false"},
                                                     {"auto.offset.reset", "earliest"}});
    consumed = consume(consumer.get(), records);
  }
  change_topic(producer.get(), false);
  std::printf("{\"produced_per_second\":%.0f,\"consumed_per_second\":%.0f}\n", produced, consumed);
  return 0;
}
