// A store and a topic in memory around the relay's loop. One thread, simulated time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "relay/loop.hpp"

namespace openrun::relay::testing {

using Fate = ports::Delivery::Fate;

// The shell's part is played by step(). Failures are planted by name of the action.
class World {
 public:
  struct Row {
    Offset first;
    Offset last;
  };

  World() { restart(); }

  // The issuer commits a row; published says whether it also reached the topic.
  void commit(std::int64_t first, std::int64_t last, bool published) {
    outbox.push_back({Offset{first}, Offset{last}});
    if (published) topic.push_back({Offset{first}, Offset{last}});
  }
  void dead_letter(std::int64_t id, std::int64_t offset) {
    ports::ExportedDeadLetter letter;
    letter.id = id;
    letter.row.offset = Offset{offset};
    dead_letters.push_back(letter);
  }
  // A new process: everything in memory is gone, and what was on its way to the broker is lost to it.
  void restart() {
    generation += 1;
    loop.emplace(LoopSettings{}, (generation << 40) + 1);
    loop->set_owner(owner);
    on_their_way.clear();
    position = 0;
  }
  void run_for(std::int64_t duration_us) {
    const std::int64_t end = now_us + duration_us;
    while (now_us < end) step(end);
  }
  void step(std::int64_t end) {
    deliver();
    const Action action = loop->next(now());
    std::visit([&](const auto& a) { perform(a, end); }, action);
    now_us += 10;
  }
  [[nodiscard]] std::vector<std::int64_t> in_topic() const {
    std::vector<std::int64_t> firsts;
    for (const SeenRange& range : topic) firsts.push_back(range.first_offset.value);
    return firsts;
  }
  [[nodiscard]] std::size_t times_in_topic(std::int64_t first) const {
    return static_cast<std::size_t>(std::ranges::count(in_topic(), first));
  }
  [[nodiscard]] Now now() const { return {now_us, Timestamp{1'000'000'000 + now_us / 1'000}}; }

  std::vector<Row> outbox;
  std::vector<SeenRange> topic;
  std::vector<ports::ExportedDeadLetter> dead_letters;
  std::vector<std::int64_t> exported;
  std::vector<std::int64_t> marked;
  Offset saved_cursor;
  std::int64_t now_us = 0;
  std::uint64_t generation = 0;
  bool owner = true;
  std::optional<RelayLoop> loop;
  bool store_down = false;
  std::deque<Fate> fates;  // of the next publications; then stored
  std::int64_t tail_delay_us = 0;
  bool tail_lost = false;
  bool swallow = false;  // publications neither arrive nor fail
  bool deliveries_withheld = false;
  std::size_t pruned_calls = 0;

 private:
  [[nodiscard]] std::unexpected<Error> down() const { return fail(Error::Kind::unavailable, "down"); }
  [[nodiscard]] std::unexpected<Error> restored() const { return fail(Error::Kind::conflict, "an earlier moment"); }
  [[nodiscard]] Offset checkpoint() const { return outbox.empty() ? Offset{0} : outbox.back().last + 1; }

  void deliver() {
    if (deliveries_withheld) return;
    for (const auto& [token, fate] : std::exchange(on_their_way, {})) loop->on_delivery(now(), token, fate);
  }
  Fate next_fate() {
    if (fates.empty()) return Fate::stored;
    const Fate fate = fates.front();
    fates.pop_front();
    return fate;
  }
  void perform(const ReadCursor&, std::int64_t) {
    loop->on_cursor(now(), store_down ? Result<Offset>(down()) : saved_cursor);
  }
  void perform(const ScanEntries& action, std::int64_t) {
    if (store_down) return loop->on_entries(now(), down());
    if (action.from > checkpoint()) return loop->on_entries(now(), restored());
    std::vector<ports::OutboxEntry> entries;
    for (const Row& row : outbox) {
      if (row.first >= action.from && entries.size() < action.limit)
        entries.push_back({row.first, row.last, now().wall});
    }
    loop->on_entries(now(), entries);
  }
  void perform(const OpenTail& action, std::int64_t) {
    position = action.since ? 0 : topic.size();
    loop->on_tail_opened(now(), ports::LogBounds{Offset{static_cast<std::int64_t>(position)},
                                                 Offset{static_cast<std::int64_t>(topic.size())}});
  }
  void perform(const ReadTail& action, std::int64_t end) {
    if (std::exchange(tail_lost, false)) {
      return loop->on_tail(now(), fail(Error::Kind::not_found, "out of range"), Offset{0});
    }
    std::vector<SeenRange> ranges(topic.begin() + static_cast<std::ptrdiff_t>(position), topic.end());
    position = topic.size();
    if (ranges.empty()) now_us = std::min(end, now_us + action.timeout_us);
    loop->on_tail(now(), ranges, Offset{static_cast<std::int64_t>(position)});
  }
  void perform(const FetchPayload& action, std::int64_t) {
    if (store_down) return loop->on_payload(now(), down());
    loop->on_payload(now(), std::to_string(action.first_offset.value));
  }
  void perform(const PublishRow& action, std::int64_t) {
    if (swallow) return;
    const Fate fate = next_fate();
    const Offset first{std::stoll(action.payload)};
    const auto row = std::ranges::find(outbox, first, &Row::first);
    // Of an unknown fate: stored all the same, in the worse case.
    if (fate != Fate::failed) topic.push_back({row->first, row->last});
    on_their_way.emplace_back(action.token, fate);
  }
  void perform(const PublishDeadLetter& action, std::int64_t) {
    const Fate fate = next_fate();
    if (fate != Fate::failed) exported.push_back(action.dead_letter.id);
    on_their_way.emplace_back(action.token, fate);
  }
  void perform(const SaveCursor& action, std::int64_t) {
    if (store_down) return loop->on_done(now(), down());
    if (action.cursor > checkpoint()) return loop->on_done(now(), restored());
    EXPECT_GE(action.cursor, saved_cursor);
    // The order that matters: everything below a cursor that is saved stands in the topic.
    for (const Row& row : outbox) {
      if (row.first < action.cursor) {
        EXPECT_GE(times_in_topic(row.first.value), 1U) << row.first.value;
      }
    }
    saved_cursor = action.cursor;
    loop->on_done(now(), {});
  }
  void perform(const ListDeadLetters&, std::int64_t) {
    if (store_down) return loop->on_dead_letters(now(), down());
    std::vector<ports::ExportedDeadLetter> open;
    for (const auto& letter : dead_letters) {
      if (std::ranges::find(marked, letter.id) == marked.end()) open.push_back(letter);
    }
    loop->on_dead_letters(now(), open);
  }
  void perform(const MarkExported& action, std::int64_t) {
    if (store_down) return loop->on_done(now(), down());
    for (const std::int64_t id : action.ids) {
      EXPECT_NE(std::ranges::find(exported, id), exported.end()) << "marked before it was exported";
      marked.push_back(id);
    }
    loop->on_done(now(), {});
  }
  void perform(const Prune&, std::int64_t) {
    pruned_calls += 1;
    loop->on_pruned(now(), store_down ? Result<std::size_t>(down()) : std::size_t{0});
  }
  void perform(const Pause& action, std::int64_t end) { now_us = std::min(end, now_us + action.duration_us); }

  std::vector<std::pair<std::uint64_t, Fate>> on_their_way;
  std::size_t position = 0;
};

inline constexpr std::int64_t second = 1'000'000;

}  // namespace openrun::relay::testing
