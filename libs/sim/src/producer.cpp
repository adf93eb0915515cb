#include <algorithm>
#include <map>
#include <utility>

#include <openrun/sim/producer.hpp>

namespace openrun::sim {

struct Producer::Sending {
  Partition partition;
  std::string key;
  std::string value;
  ports::Headers headers;
  std::uint64_t token = 0;
  ProduceFate fate;
  std::int64_t until_us = 0;
};

// Outlives the producer as long as anything is on its way.
struct Producer::Shared : std::enable_shared_from_this<Producer::Shared> {
  Shared(Scheduler& scheduler_, Broker& broker_, ports::Topic topic_, Deliver deliver_)
      : scheduler(scheduler_), broker(broker_), topic(topic_), deliver(std::move(deliver_)) {}

  void arrive(const std::shared_ptr<const Sending>& sending);
  void answer(const Sending& sending, ports::Delivery::Fate fate, Offset offset);

  Scheduler& scheduler;
  Broker& broker;
  const ports::Topic topic;
  Deliver deliver;  // empty once the producer is gone
  std::map<Partition, std::int64_t> last_arrival_us;
  std::map<Partition, std::int64_t> last_answer_us;
};

void Producer::Shared::arrive(const std::shared_ptr<const Sending>& sending) {
  using Fate = ports::Delivery::Fate;
  if (sending->fate.dropped) return answer(*sending, sending->fate.told ? Fate::failed : Fate::unknown, {});
  if (broker.available()) {
    const Offset offset = broker.append(topic, sending->partition, sending->key, sending->value, sending->headers);
    if (sending->fate.stored_twice) {
      auto again = std::make_shared<Sending>(*sending);
      again->fate.stored_twice = false;
      scheduler.after(retry_us, [self = shared_from_this(), again] { self->arrive(again); });
      return;
    }
    return answer(*sending, sending->fate.told ? Fate::stored : Fate::unknown, offset);
  }
  if (!deliver) return;
  if (scheduler.now_us() >= sending->until_us) return answer(*sending, Fate::unknown, {});
  scheduler.after(retry_us, [self = shared_from_this(), sending] { self->arrive(sending); });
}

void Producer::Shared::answer(const Sending& sending, ports::Delivery::Fate fate, Offset offset) {
  std::int64_t& last_us = last_answer_us[sending.partition];
  last_us = std::max(last_us, scheduler.now_us() + sending.fate.acknowledged_after_us);
  const ports::Delivery delivery{sending.token, fate, sending.partition, offset};
  const auto tell = [self = shared_from_this(), delivery] {
    if (self->deliver) self->deliver(delivery);
  };
  scheduler.at(last_us, tell);
  if (sending.fate.told_twice) scheduler.at(last_us + 1, tell);
}

Producer::Producer(Scheduler& scheduler, Broker& broker, ports::Topic topic, std::function<ProduceFate()> fate,
                   Deliver deliver)
    : shared_(std::make_shared<Shared>(scheduler, broker, topic, std::move(deliver))), fate_(std::move(fate)) {}

Producer::~Producer() {
  shared_->deliver = nullptr;
}

Result<void> Producer::append(Partition partition, std::string_view key, std::string_view value,
                              const ports::Headers& headers, std::uint64_t token) {
  const ProduceFate fate = fate_();
  if (fate.refused) return fail(Error::Kind::overloaded, "the producer's queue is full");
  const std::int64_t now_us = shared_->scheduler.now_us();
  std::int64_t& last_us = shared_->last_arrival_us[partition];
  last_us = std::max(last_us, now_us + fate.arrives_after_us);
  auto sending = std::make_shared<const Sending>(
      Sending{partition, std::string(key), std::string(value), headers, token, fate, now_us + delivery_timeout_us});
  shared_->scheduler.at(last_us, [shared = shared_, sending = std::move(sending)] { shared->arrive(sending); });
  return {};
}

}  // namespace openrun::sim
