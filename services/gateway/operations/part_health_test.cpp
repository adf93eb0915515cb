#include "gateway/operations/part_health.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

struct PartHealthTest : ::testing::Test {
  PartHealthTest() {
    observed.results_ready = true;
    ports::WatchedStore store;
    store.now = Timestamp{1'000'000};
    store.connections = {{"openrun-issuer/0/3", "10.0.0.1", 1, Timestamp{0}},
                         {"openrun-relay", "", 1, Timestamp{0}},
                         {"openrun-reconciler", "", 1, Timestamp{0}}};
    state.store = store;
    QueueState queue;
    queue.stored.epoch = Epoch{3};
    queue.stored.next_offset = Offset{10};
    queue.stored.committed_at = Timestamp{0};
    queue.log_end = Offset{10};
    queue.oldest_ms = 0;
    state.queues = {queue};
  }
  [[nodiscard]] std::string state_of(std::string_view name, const std::optional<SystemState>& seen) const {
    for (const PartHealth& part : health_of_parts(seen, observed, Settings{})) {
      if (part.name == name) return std::string(to_string(part.state)) + " " + part.detail;
    }
    return "absent";
  }
  Observed observed;
  SystemState state;
};

TEST_F(PartHealthTest, AnIdleSystemIsWell) {
  for (const char* name : {"gateway", "log", "store", "issuer", "relay", "reconciler"})
    EXPECT_EQ(state_of(name, state), "ok ") << name;
}

TEST_F(PartHealthTest, WithoutThePostgresNobodyKnowsOfTheOthers) {
  observed.store_trouble = "Postgres cannot be reached.";
  EXPECT_EQ(state_of("store", std::nullopt), "trouble Postgres cannot be reached.");
  for (const char* name : {"issuer", "relay", "reconciler"})
    EXPECT_EQ(state_of(name, std::nullopt), "unknown Postgres does not tell.") << name;
}

TEST_F(PartHealthTest, APartitionWithoutAWriterOrWithoutProgressIsTrouble) {
  state.store->connections[0].application = "openrun-issuer/0/2";
  EXPECT_EQ(state_of("issuer", state), "trouble Nobody is connected who writes partition 0.");
  state.queues[0].log_end = Offset{15};
  state.queues[0].oldest_ms = 12'000;
  EXPECT_EQ(state_of("issuer", state),
            "trouble Partition 0 makes no progress: its oldest request has waited for 12 s.");
  // A slow pace is progress.
  state.store->connections[0].application = "openrun-issuer/0/3";
  state.queues[0].stored.committed_at = Timestamp{999'000};
  EXPECT_EQ(state_of("issuer", state), "ok ");
}

TEST_F(PartHealthTest, ALateOutboxIsTheRelaysTrouble) {
  state.queues[0].stored.unpublished_since = Timestamp{970'000};
  EXPECT_EQ(state_of("relay", state), "trouble Partition 0 has outcomes that are not known to be published for 30 s.");
  state.store->connections.erase(state.store->connections.begin() + 1);
  EXPECT_EQ(state_of("relay", state), "trouble No relay is connected to Postgres.");
}

}  // namespace
}  // namespace openrun::gateway
