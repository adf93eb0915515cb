// Every order of six records in a world of two campaigns, three users and a stock of 0 to 2: nothing is sampled. After
// each record the invariants are checked, the decision is compared with the reference model's, and with that of a
// machine which was dropped and restored from the written rows before each record. (A machine that is equal after a
// restart at any one position decides equally from there on, because it stands at a node of this very tree.)
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/issuance/invariants.hpp>
#include <openrun/issuance/machine.hpp>

#include "src/test_reference_model.hpp"
#include "src/test_rows.hpp"
#include "src/test_world.hpp"

namespace openrun::issuance {
namespace {

using namespace testing;

// The sanitizers make each step some ten times slower.
#ifdef OPENRUN_SANITIZED
constexpr std::size_t records = 5;
#else
constexpr std::size_t records = 6;
#endif

constexpr std::int64_t tick = 1'000;
constexpr Timestamp end = noon + 2 * tick;

struct Node {
  Machine machine;
  Machine restarted;
  Rows rows;
  ReferenceModel reference;
  Timestamp time = noon;  // of the next record
};

// One letter of the alphabet: a record, put together where it depends on what came before.
struct Letter {
  const char* name;
  Event (*event)(const Node& node);
  std::int64_t step_ms = 0;
};

Offset oldest_dead_letter(const Node& node) {
  const auto& open = node.reference.open_dead_letters();
  return open.empty() ? Offset{0} : open.front();
}

std::string fresh_key(const Node& node) {
  return std::to_string(node.machine.next_offset().value);
}

template <std::uint32_t campaign, char user, char key = 0, std::uint32_t nonce = 1>
Event asks(const Node& /*node*/) {
  static constexpr char users[] = {user};
  static constexpr char keys[] = {key};
  return IssueRequested{CampaignId{campaign}, {users, 1}, {keys, key == 0 ? 0u : 1u}, nonce};
}

template <class Action>
Event commands(const Node& node) {
  return CampaignCommand{CampaignId{1}, fresh_key(node), Action{}};
}

template <std::int64_t add>
Event restocks(const Node& node) {
  return CampaignCommand{CampaignId{1}, fresh_key(node), AddStock{add}};
}

template <std::int64_t add>
Event restocks_under_one_key(const Node& /*node*/) {
  return CampaignCommand{CampaignId{1}, "restock", AddStock{add}};
}

Event creates_second(const Node& /*node*/) {
  return CampaignCommand{CampaignId{2}, "second", CreateCampaign{terms_of(1, end)}};
}
Event fails(const Node& /*node*/) {
  return Undecidable{"UNDECODABLE"};
}
Event is_a_version(const Node& /*node*/) {
  return DecisionVersion{1};
}

Event replay_of(const Node& node, decltype(Replay::original) original) {
  Event event = Replay{};
  auto& replay = std::get<Replay>(event);
  replay.origin = oldest_dead_letter(node);
  replay.first_arrival = noon;
  replay.original = std::move(original);
  return event;
}

template <std::uint32_t campaign, char user>
Event replays(const Node& node) {
  return replay_of(node, std::get<IssueRequested>(asks<campaign, user>(node)));
}
Event replays_restock(const Node& node) {
  return replay_of(node, std::get<CampaignCommand>(restocks_under_one_key<1>(node)));
}
Event replay_fails(const Node& node) {
  return replay_of(node, Undecidable{"UNDECODABLE"});
}

class SmallWorld {
 public:
  SmallWorld(std::vector<Letter> alphabet, std::uint32_t max_per_user)
      : alphabet_(std::move(alphabet)), max_per_user_(max_per_user) {}

  // Campaign 1 has this stock and an end; campaign 2 has one coupon, or is not there yet.
  void explore_from(std::uint32_t stock, bool second_exists) {
    const PartitionSnapshot empty;
    Node start{Machine(empty, 1), Machine(empty, 2), {}, {}};
    ASSERT_EQ(step(start, CampaignCommand{CampaignId{1}, "first", CreateCampaign{terms_of(stock, end, max_per_user_)}}),
              "");
    if (second_exists) {
      ASSERT_EQ(step(start, creates_second(start)), "");
    }
    explore(start, records);
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // Of one starting state.
  [[nodiscard]] std::uint64_t steps_expected() const {
    std::uint64_t sum = 0;
    std::uint64_t level = 1;
    for (std::size_t i = 0; i < records; ++i) sum += level *= alphabet_.size();
    return sum;
  }

 private:
  void explore(const Node& node, std::size_t left) {
    if (left == 0) return;
    for (const Letter& letter : alphabet_) {
      path_.push_back(letter.name);
      Node next = node;
      next.time = next.time + letter.step_ms;
      const std::string wrong = step(next, letter.event(next));
      ++steps_;
      if (!wrong.empty()) ADD_FAILURE() << wrong << "after:" << path();
      if (!::testing::Test::HasFailure()) explore(next, left - 1);
      path_.pop_back();
      if (::testing::Test::HasFailure()) return;
    }
  }

  // What is wrong with this step; empty where all is well.
  static std::string step(Node& node, const Event& event) {
    const Input input{node.machine.next_offset(), node.time, event};
    const auto id = campaign_of(event);
    const auto named = [&]() -> std::optional<Campaign> {
      const Campaign* const found = id ? node.machine.find(*id) : nullptr;
      return found == nullptr ? std::nullopt : std::optional(*found);
    };
    const std::optional<Campaign> before = named();
    const Progress progress{node.machine.next_offset(), node.machine.log_time()};
    const Decision decision = node.machine.apply(input);
    std::string wrong =
        describe(check_state(node.machine)) +
        describe(check_step(before, decision, named(), judged_at(event, node.machine.log_time()))) +
        describe(check_progress(progress, decision, {node.machine.next_offset(), node.machine.log_time()}));

    const Decision expected = node.reference.decide(input);
    if (decision != expected)
      wrong += "the reference model decides " + text_of(expected) + ", the machine " + text_of(decision);
    wrong += compare(node.machine, node.reference);

    const std::uint64_t seed = 3 + static_cast<std::uint64_t>(input.offset.value);
    node.restarted = Rows::restart(node.restarted, seed);
    node.rows.restore_missing(node.restarted, event, seed);
    const Decision after_restart = node.restarted.apply(input);
    if (decision != after_restart)
      wrong += "restored, it decides " + text_of(after_restart) + " for " + text_of(decision);
    node.rows.commit(node.machine, event, decision);
    if (!same_state(node.machine, node.restarted)) wrong += "restored, it holds another state ";
    return wrong;
  }

  static std::string compare(const Machine& machine, const ReferenceModel& reference) {
    std::string wrong;
    for (const CampaignId id : {CampaignId{1}, CampaignId{2}}) {
      const Campaign* const held = machine.find(id);
      const ReferenceModel::Campaign* const expected = reference.find(id);
      if ((held == nullptr) != (expected == nullptr))
        wrong += "one of the two knows a campaign that the other does not ";
      if (held == nullptr || expected == nullptr) continue;
      const auto coupons = reference.coupons_of(id);
      if (held->terms != expected->terms || held->paused != expected->paused || held->closed != expected->closed ||
          held->issued != coupons.size()) {
        wrong += "the reference model holds another campaign " + std::to_string(id.value) + " ";
      }
    }
    if (machine.log_time() != reference.now()) wrong += "another log time ";
    return wrong;
  }

  static std::string text_of(const Decision& decision) {
    std::ostringstream out;
    out << decision << " ";
    return out.str();
  }

  [[nodiscard]] std::string path() const {
    std::string text;
    for (const char* name : path_) text += std::string(" ") + name + ";";
    return text;
  }

  std::vector<Letter> alphabet_;
  std::uint32_t max_per_user_;
  std::vector<const char*> path_;
  std::uint64_t steps_ = 0;
};

void explore(std::vector<Letter> alphabet, std::uint32_t max_per_user, bool second_exists) {
  SmallWorld world(std::move(alphabet), max_per_user);
  for (std::uint32_t stock = 0; stock <= 2; ++stock) world.explore_from(stock, second_exists);
  EXPECT_EQ(world.steps(), 3 * world.steps_expected());
}

TEST(SmallWorld, EveryOrderOfRequestsAndTime) {
  explore({{"campaign 1: ada", asks<1, 'a'>},
           {"campaign 1: bo", asks<1, 'b'>},
           {"campaign 1: cy", asks<1, 'c'>},
           {"campaign 2: ada", asks<2, 'a'>},
           {"campaign 2: bo", asks<2, 'b'>},
           {"campaign 2: cy", asks<2, 'c'>},
           {"a second later", is_a_version, tick},
           {"a second back: ada, another request", asks<1, 'a', 0, 2>, -tick}},
          1, true);
}

TEST(SmallWorld, EveryOrderOfRequestsAndCommands) {
  explore({{"campaign 1: ada", asks<1, 'a'>},
           {"campaign 1: bo", asks<1, 'b'>},
           {"pause", commands<PauseCampaign>},
           {"resume", commands<ResumeCampaign>},
           {"close", commands<CloseCampaign>},
           {"one more, always under the same key", restocks_under_one_key<1>},
           {"one less", restocks<-1>},
           {"campaign 2: ada", asks<2, 'a'>},
           {"two seconds later: cy", asks<1, 'c'>, 2 * tick}},
          1, true);
}

TEST(SmallWorld, EveryOrderOfDeadLettersAndReplays) {
  explore({{"campaign 1: ada", asks<1, 'a'>},
           {"a dead letter", fails},
           {"replay: ada", replays<1, 'a'>},
           {"replay: bo", replays<1, 'b'>},
           {"replay: one more", replays_restock},
           {"replay: undecidable again", replay_fails},
           {"one more, always under the same key", restocks_under_one_key<1>},
           {"two seconds later: cy", asks<1, 'c'>, 2 * tick}},
          1, true);
}

TEST(SmallWorld, EveryOrderOfKeysWithTwoCouponsAUser) {
  explore({{"campaign 1: ada x", asks<1, 'a', 'x'>},
           {"campaign 1: ada y", asks<1, 'a', 'y'>},
           {"campaign 1: ada z", asks<1, 'a', 'z'>},
           {"campaign 1: bo x", asks<1, 'b', 'x'>},
           {"campaign 2: ada", asks<2, 'a'>},
           {"create campaign 2, always under the same key", creates_second},
           {"pause", commands<PauseCampaign>},
           {"one more", restocks<1>}},
          2, false);
}

}  // namespace
}  // namespace openrun::issuance
