#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include <openrun/kafka/kafka.hpp>

#include "client.hpp"

namespace openrun::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds heartbeat_min{300};
// A daemon that has not polled for this long is stuck: others take over.
constexpr milliseconds poll_interval_max{60'000};

ClientSettings membership_settings(const Options& options, const std::string& group) {
  ClientSettings settings;
  settings.type = RD_KAFKA_CONSUMER;
  const auto session = options.session_timeout.count();
  // Three heartbeats a session; librdkafka insists that one fits.
  const auto heartbeat = std::min(std::max<std::int64_t>(session / 3, heartbeat_min.count()), session);
  settings.tuning = {
      // Nothing is fetched through a membership; should a pause come too late, little is read for nothing.
      {"queued.min.messages", "1"},
      {"queued.max.messages.kbytes", "64"},
      {"fetch.message.max.bytes", "1024"},
  };
  settings.guarantees = {
      {"group.id", group},
      {"partition.assignment.strategy", "range"},
      {"session.timeout.ms", std::to_string(session)},
      {"heartbeat.interval.ms", std::to_string(heartbeat)},
      {"max.poll.interval.ms", std::to_string(std::max<std::int64_t>(poll_interval_max.count(), session))},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "latest"},
      {"allow.auto.create.topics", "false"},
  };
  if (!options.instance_id.empty()) settings.guarantees.emplace_back("group.instance.id", options.instance_id);
  return settings;
}

class Member final : public ports::Membership {
 public:
  Member(Options options, std::string topic, std::string group, Callbacks callbacks, ports::Logger& logger)
      : options_(std::move(options)),
        topic_(std::move(topic)),
        group_(std::move(group)),
        callbacks_(std::move(callbacks)),
        logger_(logger) {}

  // Leaves without a callback: whoever they belong to may be gone.
  ~Member() override {
    callbacks_ = {};
    leave();
  }

  Result<void> join();
  void poll(milliseconds timeout) override;
  void leave() override;

 private:
  void on_rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list);
  void assign(rd_kafka_topic_partition_list_t* list);
  void give_up(bool lost);
  void start_anew();

  const Options options_;
  const std::string topic_;
  const std::string group_;
  Callbacks callbacks_;
  ports::Logger& logger_;

  std::shared_ptr<Client> client_;
  std::set<Partition> held_;
  bool left_ = false;
  steady_clock::time_point next_join_{};
};

Result<void> Member::join() {
  auto settings = membership_settings(options_, group_);
  settings.on_rebalance = [this](rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list) {
    on_rebalance(code, list);
  };
  auto client = Client::make(options_, std::move(settings), &logger_);
  if (!client) return std::unexpected(client.error());
  rd_kafka_poll_set_consumer((*client)->get());
  const PartitionListPtr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
  const auto code = rd_kafka_subscribe((*client)->get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(to_error(code, "joining the group " + group_));
  client_ = std::move(*client);
  return {};
}

void Member::poll(milliseconds timeout) {
  if (left_) return;
  if (!client_) {
    start_anew();
    if (!client_) {
      // There is no member to wait for, and the caller relies on poll() to wait.
      std::this_thread::sleep_for(timeout);  // style: allow sleep, see above
      return;
    }
  }
  client_->follow_password();
  rd_kafka_message_t* message = rd_kafka_consumer_poll(client_->get(), timeout_ms(timeout));
  if (message != nullptr) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      logger_.debug("the group says", {{"group", group_}, {"text", std::string(rd_kafka_message_errstr(message))}});
    rd_kafka_message_destroy(message);
  }
  if (rd_kafka_fatal_error(client_->get(), nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  // Most likely another process joined under the same instance id. It may be our own successor: let it have its
  // session.
  logger_.error("the group refused this member for good; joining again after a session time-out",
                {{"group", group_}, {"instance", options_.instance_id}});
  give_up(true);
  rd_kafka_consumer_close(client_->get());
  client_.reset();
  next_join_ = steady_clock::now() + options_.session_timeout;
}

void Member::start_anew() {
  if (steady_clock::now() < next_join_) return;
  next_join_ = steady_clock::now() + options_.session_timeout;
  if (auto joined = join(); !joined)
    logger_.error("joining the group failed; trying again", {{"group", group_}, {"reason", joined.error().message}});
}

void Member::leave() {
  if (left_) return;
  left_ = true;
  if (client_) rd_kafka_consumer_close(client_->get());  // calls on_rebalance for what is held
  give_up(false);
  client_.reset();
}

void Member::on_rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) return assign(list);
  give_up(rd_kafka_assignment_lost(client_->get()) != 0);
  rd_kafka_assign(client_->get(), nullptr);
}

void Member::assign(rd_kafka_topic_partition_list_t* list) {
  client_->served();
  // The end, so that nothing is looked up or fetched before the pause holds.
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_END;
  rd_kafka_assign(client_->get(), list);
  rd_kafka_pause_partitions(client_->get(), list);
  std::vector<Partition> partitions;
  for (int i = 0; i < list->cnt; ++i) partitions.emplace_back(list->elems[i].partition);
  std::ranges::sort(partitions);
  held_.insert(partitions.begin(), partitions.end());
  if (callbacks_.assigned) callbacks_.assigned(partitions);
}

void Member::give_up(bool lost) {
  if (held_.empty()) return;
  const std::vector<Partition> partitions(held_.begin(), held_.end());
  held_.clear();
  const auto& callback = lost ? callbacks_.lost : callbacks_.revoked;
  if (callback) callback(partitions);
}

}  // namespace

Result<std::unique_ptr<ports::Membership>> make_membership(const Options& options, ports::Topic topic,
                                                           const std::string& group,
                                                           ports::Membership::Callbacks callbacks,
                                                           ports::Logger& logger) {
  auto name = topic_name(options, topic);
  if (!name) return std::unexpected(name.error());
  auto member = std::make_unique<Member>(options, std::move(*name), group, std::move(callbacks), logger);
  if (auto joined = member->join(); !joined) return std::unexpected(joined.error());
  return member;
}

}  // namespace openrun::kafka
