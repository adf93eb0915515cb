#include <algorithm>
#include <utility>
#include <vector>

#include <openrun/sim/stream.hpp>

namespace openrun::sim {

// Outlives both ends as long as anything is on its way.
struct Stream::Connection {
  std::weak_ptr<const std::function<void(std::string_view)>> hear;  // expired: the listener is gone
  std::int64_t last_arrival_us = 0;
  std::int64_t again_from_us = INT64_MAX;  // until the listener hears of its end
};

class Stream::Broadcaster final : public ports::Broadcaster {
 public:
  Broadcaster(Stream& stream, std::string invitation) : stream_(stream), invitation_(std::move(invitation)) {
    stream_.broadcasters_.emplace(invitation_, this);
  }
  ~Broadcaster() override {
    cut();
    stream_.broadcasters_.erase(invitation_);
  }
  Broadcaster(const Broadcaster&) = delete;
  Broadcaster& operator=(const Broadcaster&) = delete;

  void send(std::string_view message) override {
    const auto sent = std::make_shared<const std::string>(message);
    std::erase_if(connections_, [&](const std::shared_ptr<Connection>& connection) {
      if (connection->hear.expired()) return true;
      const StreamFate fate = stream_.fate_();
      if (fate.cut) {
        stream_.end(connection);
        return true;
      }
      std::int64_t& last_us = connection->last_arrival_us;
      last_us = std::max(last_us, stream_.scheduler_.now_us() + fate.arrives_after_us);
      for (int times = fate.twice ? 2 : 1; times > 0; --times) {
        stream_.scheduler_.at(last_us, [connection, sent] {
          if (const auto hear = connection->hear.lock()) (*hear)(*sent);
        });
      }
      return false;
    });
  }
  [[nodiscard]] const std::string& invitation() const override { return invitation_; }

  void add(std::shared_ptr<Connection> connection) { connections_.push_back(std::move(connection)); }
  void cut() {
    for (const auto& connection : connections_) stream_.end(connection);
    connections_.clear();
  }

 private:
  Stream& stream_;
  const std::string invitation_;
  std::vector<std::shared_ptr<Connection>> connections_;
};

class Stream::Listener final : public ports::Listener {
 public:
  Listener(Stream& stream, std::function<void(std::string_view)> on_message)
      : stream_(stream), hear_(std::make_shared<const std::function<void(std::string_view)>>(std::move(on_message))) {}

  void invited(std::string_view invitation) override {
    Scheduler& scheduler = stream_.scheduler_;
    std::shared_ptr<Connection>& known = known_[std::string(invitation)];
    if (known && scheduler.now_us() < known->again_from_us) return;
    known = std::make_shared<Connection>();
    known->hear = hear_;
    const StreamFate fate = stream_.fate_();
    scheduler.after(fate.arrives_after_us,
                    [&stream = stream_, connection = known, fate, name = std::string(invitation)] {
                      const auto found = stream.broadcasters_.find(name);
                      if (fate.cut || found == stream.broadcasters_.end()) return stream.end(connection);
                      found->second->add(connection);
                    });
  }

 private:
  Stream& stream_;
  const std::shared_ptr<const std::function<void(std::string_view)>> hear_;
  std::map<std::string, std::shared_ptr<Connection>, std::less<>> known_;  // by invitation
};

std::unique_ptr<ports::Broadcaster> Stream::make_broadcaster() {
  return std::make_unique<Broadcaster>(*this, "broadcaster " + std::to_string(++broadcasters_made_));
}

std::unique_ptr<ports::Listener> Stream::make_listener(std::function<void(std::string_view)> on_message) {
  return std::make_unique<Listener>(*this, std::move(on_message));
}

void Stream::cut() {
  for (const auto& [invitation, broadcaster] : broadcasters_) broadcaster->cut();
}

// The listener hears of it after all that was sent before.
void Stream::end(const std::shared_ptr<Connection>& connection) {
  scheduler_.at(std::max(scheduler_.now_us(), connection->last_arrival_us),
                [&scheduler = scheduler_, connection] { connection->again_from_us = scheduler.now_us() + retry_us; });
}

}  // namespace openrun::sim
