#include "admin.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <thread>

#include "reader.hpp"

namespace openrun::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_again_interval{50};
constexpr milliseconds bounds_timeout{1'000};
constexpr std::size_t error_text_bytes_max = 512;

struct AdminOptionsDeleter {
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
};
using AdminOptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, AdminOptionsDeleter>;
struct NewTopicDeleter {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
struct NewPartitionsDeleter {
  void operator()(rd_kafka_NewPartitions_t* partitions) const { rd_kafka_NewPartitions_destroy(partitions); }
};
struct ConfigResourceDeleter {
  void operator()(rd_kafka_ConfigResource_t* resource) const { rd_kafka_ConfigResource_destroy(resource); }
};

AdminOptionsPtr admin_options(rd_kafka_t* handle, rd_kafka_admin_op_t operation, milliseconds timeout) {
  AdminOptionsPtr options(rd_kafka_AdminOptions_new(handle, operation));
  std::array<char, error_text_bytes_max> text{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(timeout_ms(timeout), 1), text.data(), text.size());
  return options;
}

Result<void> first_error(const rd_kafka_topic_result_t** results, std::size_t count, const std::string& what) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* text = rd_kafka_topic_result_error_string(results[i]);
    auto error = to_error(code, what);
    if (text != nullptr) error.message += std::string(": ") + text;
    return std::unexpected(error);
  }
  return {};
}

ports::GroupMember read_member(const rd_kafka_MemberDescription_t* told, const std::string& topic) {
  ports::GroupMember member;
  const char* instance = rd_kafka_MemberDescription_group_instance_id(told);
  member.name = instance != nullptr ? instance : rd_kafka_MemberDescription_consumer_id(told);
  member.host = rd_kafka_MemberDescription_host(told);
  const auto* assignment = rd_kafka_MemberDescription_assignment(told);
  const auto* list = assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  for (int i = 0; list != nullptr && i < list->cnt; ++i)
    if (topic == list->elems[i].topic) member.partitions.emplace_back(list->elems[i].partition);
  std::ranges::sort(member.partitions);
  return member;
}

}  // namespace

Result<std::unique_ptr<Admin>> Admin::make(const Options& options, milliseconds timeout) {
  std::unique_ptr<Admin> admin(new Admin(steady_clock::now() + timeout));
  ClientSettings settings;
  // A consumer's questions about a topic never create it.
  settings.type = RD_KAFKA_CONSUMER;
  settings.guarantees = {{"allow.auto.create.topics", "false"}};
  auto client = Client::make(options, std::move(settings), nullptr);
  if (!client) return std::unexpected(client.error());
  admin->client_ = std::move(*client);
  admin->queue_.reset(rd_kafka_queue_new(admin->client_->get()));
  return admin;
}

milliseconds Admin::left() const {
  return std::max(std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now()), milliseconds{0});
}

Result<EventPtr> Admin::answer(const std::string& what) {
  // librdkafka answers by itself at the request's time-out; the extra second only leaves that answer its time.
  EventPtr event(rd_kafka_queue_poll(queue_.get(), timeout_ms(left() + std::chrono::seconds(1))));
  if (!event)
    return std::unexpected(client_->explained({Error::Kind::unavailable, what + ": Kafka did not answer in time"}));
  const auto code = rd_kafka_event_error(event.get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
  auto error = to_error(code, what);
  if (const char* text = rd_kafka_event_error_string(event.get()); text != nullptr)
    error.message += std::string(": ") + text;
  return std::unexpected(client_->explained(std::move(error)));
}

std::int32_t TopicDescription::replicas_min() const {
  const auto count = [](const auto& partition) { return static_cast<std::int32_t>(partition.second.size()); };
  return replicas.empty() ? 0 : std::ranges::min(replicas | std::views::transform(count));
}

Result<TopicDescription> Admin::topic(const std::string& name) {
  TopicDescription description;
  const auto metadata = client_->metadata(name, left());
  if (!metadata) {
    if (metadata.error().kind == Error::Kind::not_found) return description;
    return std::unexpected(metadata.error());
  }
  const auto& topic = (*metadata)->topics[0];
  description.exists = true;
  description.partitions = topic.partition_cnt;
  for (int i = 0; i < topic.partition_cnt; ++i) {
    const auto& partition = topic.partitions[i];
    description.replicas[partition.id].assign(partition.replicas, partition.replicas + partition.replica_cnt);
  }
  for (int i = 0; i < (*metadata)->broker_cnt; ++i) description.brokers.push_back((*metadata)->brokers[i].id);
  std::ranges::sort(description.brokers);
  return description;
}

Result<ConfigMap> Admin::topic_configs(const std::string& name) {
  return configs(RD_KAFKA_RESOURCE_TOPIC, name);
}

Result<ConfigMap> Admin::broker_configs(std::int32_t broker) {
  return configs(RD_KAFKA_RESOURCE_BROKER, std::to_string(broker));
}

Result<ConfigMap> Admin::configs(rd_kafka_ResourceType_t type, const std::string& name) {
  const std::string what =
      "reading the settings of " + std::string(type == RD_KAFKA_RESOURCE_BROKER ? "broker " : "") + name;
  const std::unique_ptr<rd_kafka_ConfigResource_t, ConfigResourceDeleter> resource(
      rd_kafka_ConfigResource_new(type, name.c_str()));
  std::array<rd_kafka_ConfigResource_t*, 1> asked = {resource.get()};
  const auto options = admin_options(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, left());
  rd_kafka_DescribeConfigs(client_->get(), asked.data(), asked.size(), options.get(), queue_.get());
  const auto event = answer(what);
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  if (count != 1) return fail(Error::Kind::internal, what + ": Kafka gave no answer");
  if (const auto code = rd_kafka_ConfigResource_error(resources[0]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(to_error(code, what));
  const auto** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  ConfigMap out;
  for (std::size_t i = 0; i < count; ++i)
    if (const char* value = rd_kafka_ConfigEntry_value(entries[i]); value != nullptr)
      out.emplace(rd_kafka_ConfigEntry_name(entries[i]), value);
  return out;
}

Result<std::vector<std::int32_t>> Admin::broker_ids() {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code = rd_kafka_metadata(client_->get(), 0, nullptr, &raw, timeout_ms(left()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(client_->explained(to_error(code, "asking for the brokers")));
  const MetadataPtr metadata(raw);
  std::vector<std::int32_t> out;
  for (int i = 0; i < metadata->broker_cnt; ++i) out.push_back(metadata->brokers[i].id);
  return out;
}

Result<std::vector<ports::LogPartitionState>> Admin::partitions(const std::string& topic, bool with_bounds) {
  const auto metadata = client_->metadata(topic, left());
  if (!metadata) return std::unexpected(metadata.error());
  const auto& told = (*metadata)->topics[0];
  std::vector<ports::LogPartitionState> out;
  for (int i = 0; i < told.partition_cnt; ++i) {
    const auto& one = told.partitions[i];
    out.push_back({Partition{one.id}, one.leader >= 0, one.replica_cnt, one.isr_cnt, std::nullopt});
  }
  std::ranges::sort(out, {}, &ports::LogPartitionState::partition);
  if (!with_bounds) return out;
  for (auto& one : out) {
    if (!one.has_leader) continue;
    const auto bounds = query_bounds(*client_, topic, one.partition, std::min<milliseconds>(left(), bounds_timeout));
    if (!bounds) break;
    one.bounds = *bounds;
  }
  return out;
}

Result<ports::GroupState> Admin::group(const std::string& name, const std::string& topic) {
  const std::string what = "asking for the members of " + name;
  std::array<const char*, 1> asked = {name.c_str()};
  const auto options = admin_options(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, left());
  rd_kafka_DescribeConsumerGroups(client_->get(), asked.data(), asked.size(), options.get(), queue_.get());
  const auto event = answer(what);
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto** groups =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
  if (count != 1) return fail(Error::Kind::internal, what + ": Kafka gave no answer");
  if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[0]); error != nullptr)
    return std::unexpected(to_error(rd_kafka_error_code(error), what));
  ports::GroupState state;
  state.is_stable = rd_kafka_ConsumerGroupDescription_state(groups[0]) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
  for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++i)
    state.members.push_back(read_member(rd_kafka_ConsumerGroupDescription_member(groups[0], i), topic));
  return state;
}

Result<void> Admin::create_topic(const std::string& name, std::int32_t partitions, std::int32_t replication_factor,
                                 const ConfigMap& configs) {
  const std::string what = "creating the topic " + name;
  std::array<char, error_text_bytes_max> text{};
  const std::unique_ptr<rd_kafka_NewTopic_t, NewTopicDeleter> topic(
      rd_kafka_NewTopic_new(name.c_str(), partitions, replication_factor, text.data(), text.size()));
  if (!topic) return fail(Error::Kind::invalid, what + ": " + text.data());
  for (const auto& [key, value] : configs) rd_kafka_NewTopic_set_config(topic.get(), key.c_str(), value.c_str());
  std::array<rd_kafka_NewTopic_t*, 1> asked = {topic.get()};
  const auto options = admin_options(client_->get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, left());
  rd_kafka_CreateTopics(client_->get(), asked.data(), asked.size(), options.get(), queue_.get());
  const auto event = answer(what);
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  // Two `openrun topics create` at once: the other one made it.
  if (count == 1 && rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return {};
  return first_error(results, count, what);
}

Result<void> Admin::grow_topic(const std::string& name, std::int32_t partitions) {
  const std::string what = "adding partitions to " + name;
  std::array<char, error_text_bytes_max> text{};
  const std::unique_ptr<rd_kafka_NewPartitions_t, NewPartitionsDeleter> grown(
      rd_kafka_NewPartitions_new(name.c_str(), static_cast<std::size_t>(partitions), text.data(), text.size()));
  if (!grown) return fail(Error::Kind::invalid, what + ": " + text.data());
  std::array<rd_kafka_NewPartitions_t*, 1> asked = {grown.get()};
  const auto options = admin_options(client_->get(), RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, left());
  rd_kafka_CreatePartitions(client_->get(), asked.data(), asked.size(), options.get(), queue_.get());
  const auto event = answer(what);
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto** results =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event->get()), &count);
  return first_error(results, count, what);
}

Result<void> Admin::wait_for(const std::string& name, std::int32_t partitions) {
  while (true) {
    const auto metadata = client_->metadata(name, left());
    if (metadata) {
      const auto& topic = (*metadata)->topics[0];
      const bool led = std::all_of(topic.partitions, topic.partitions + topic.partition_cnt,
                                   [](const auto& partition) { return partition.leader >= 0; });
      if (topic.partition_cnt >= partitions && led) return {};
    } else if (metadata.error().kind != Error::Kind::not_found) {
      return std::unexpected(metadata.error());
    }
    if (left() == milliseconds{0})
      return fail(Error::Kind::unavailable, name + " was made, but its partitions have no leaders yet");
    std::this_thread::sleep_for(std::min(look_again_interval, left()));  // style: allow sleep, Kafka tells nobody
  }
}

}  // namespace openrun::kafka
