// Dead letters for tests: a maker of rows, and the store and the log of the operator's tool in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openrun/wire/log_record.hpp>

#include "dlq/run.hpp"

namespace openrun::testing {

inline ports::DeadLetter a_letter(std::int64_t offset, std::string value, std::string reason = "STORE_REFUSED") {
  ports::DeadLetter letter;
  const std::int64_t small = offset % 1'000'000;
  letter.id = 1'000 + small;
  letter.row.offset = Offset{offset};
  letter.row.log_time = Timestamp{1'700'000'000'000 + small};
  letter.row.value = std::move(value);
  letter.row.reason = std::move(reason);
  letter.next_offset = Offset{10'000};
  return letter;
}

inline std::string a_request(const std::string& user, std::uint32_t campaign = 7) {
  return wire::encode_request(1, CampaignId{campaign}, user, "");
}

class FakeDeadLetterStore : public ports::DeadLetterStore {
 public:
  std::map<std::int64_t, ports::DeadLetter> rows;  // by id
  std::map<CampaignId, Partition> homes;
  std::vector<ports::DeadLetterAction> actions;
  std::uint64_t finished = 0;
  std::function<std::optional<Error>(const std::string& call)> fault;

  void add(const ports::DeadLetter& letter) { rows[letter.id] = letter; }

  Result<std::vector<ports::DeadLetter>> letters(const ports::DeadLetterFilter& filter,
                                                 const std::optional<ports::DeadLetterPlace>& after,
                                                 std::size_t limit) override {
    if (auto error = fail_at("letters")) return std::unexpected(*error);
    std::map<ports::DeadLetterPlace, const ports::DeadLetter*> found;
    for (const auto& [id, letter] : rows) {
      const bool in_range = !filter.offsets ||
                            (letter.row.offset >= filter.offsets->first && letter.row.offset <= filter.offsets->second);
      if (in_range && (!after || letter.place() > *after)) found[letter.place()] = &letter;
    }
    std::vector<ports::DeadLetter> page;
    for (const auto& [place, letter] : found) {
      if (page.size() < limit) page.push_back(*letter);
    }
    return page;
  }
  Result<std::vector<ports::DeadLetter>> letters_of(const std::vector<std::int64_t>& ids) override {
    if (auto error = fail_at("letters_of")) return std::unexpected(*error);
    std::vector<ports::DeadLetter> found;
    for (const std::int64_t id : ids) {
      if (const auto row = rows.find(id); row != rows.end()) found.push_back(row->second);
    }
    return found;
  }
  Result<std::vector<ports::ReplayRecord>> replays_of(const ports::DeadLetterPlace&) override { return {}; }
  Result<std::optional<Partition>> home_of(CampaignId campaign) override {
    const auto home = homes.find(campaign);
    return home == homes.end() ? std::nullopt : std::optional(home->second);
  }
  Result<std::int64_t> begin_action(const ports::DeadLetterAction& action) override {
    if (auto error = fail_at("begin_action")) return std::unexpected(*error);
    actions.push_back(action);
    return static_cast<std::int64_t>(actions.size());
  }
  Result<void> record_replays(std::int64_t, const std::vector<ports::SentReplay>& sent) override {
    if (auto error = fail_at("record_replays")) return std::unexpected(*error);
    for (const ports::SentReplay& one : sent) {
      ++rows.at(one.id).row.replays;
      rows.at(one.id).replay_offset = one.replay_offset;
    }
    return {};
  }
  Result<std::size_t> discard(std::int64_t, const std::vector<std::int64_t>& ids) override {
    if (auto error = fail_at("discard")) return std::unexpected(*error);
    std::size_t count = 0;
    for (const std::int64_t id : ids) {
      ports::DeadLetter& letter = rows.at(id);
      if (letter.final_offset || letter.discarded_at) continue;
      letter.discarded_at = Timestamp{1};
      ++count;
    }
    return count;
  }
  Result<void> finish_action(std::int64_t) override {
    if (auto error = fail_at("finish_action")) return std::unexpected(*error);
    ++finished;
    return {};
  }
  Result<Offset> accept(Partition, Offset, Offset, const std::string&) override { return Offset{0}; }

 private:
  std::optional<Error> fail_at(const std::string& call) { return fault ? fault(call) : std::nullopt; }
};

// Stores what it is given, from offset 10,000 on, and decides it when told, as the issuer does: an origin once.
class FakeReplayLog : public ports::LogAppender {
 public:
  struct Record {
    Partition partition;
    std::string key;
    std::string value;
    Offset offset;
    ports::Headers headers;
  };
  explicit FakeReplayLog(dlq::DeliveryBox& box) : box_(box) {}

  std::vector<Record> records;
  std::map<Offset, Offset> resolved;  // origin -> final offset
  std::uint64_t ignored = 0;
  // What becomes of the append at hand; empty: the log refuses to take it.
  std::function<std::optional<ports::Delivery::Fate>()> fate = [] { return ports::Delivery::Fate::stored; };

  Result<void> append(Partition partition, std::string_view key, std::string_view value, const ports::Headers& headers,
                      std::uint64_t token) override {
    const auto becomes = fate();
    if (!becomes) return fail(Error::Kind::unavailable, "the log is down");
    ports::Delivery delivery{token, *becomes, partition, Offset{-1}};
    if (*becomes != ports::Delivery::Fate::failed) {
      records.push_back({partition, std::string(key), std::string(value),
                         Offset{10'000 + static_cast<std::int64_t>(records.size())}, headers});
      if (*becomes == ports::Delivery::Fate::stored) delivery.offset = records.back().offset;
    }
    box_.put({&delivery, 1});
    return {};
  }
  std::chrono::milliseconds oldest_unacknowledged() const override { return std::chrono::milliseconds(0); }
  bool flush(std::chrono::milliseconds) override { return true; }

  void decide(FakeDeadLetterStore& store) {
    for (; decided_ < records.size(); ++decided_) {
      const auto record = wire::decode(records[decided_].value);
      const Offset origin = std::get<issuance::Replay>(record->event).origin;
      if (!resolved.emplace(origin, records[decided_].offset).second) ++ignored;
    }
    for (auto& [id, letter] : store.rows) {
      letter.next_offset = Offset{10'000 + static_cast<std::int64_t>(decided_)};
      const auto final_offset = resolved.find(letter.row.offset);
      if (final_offset != resolved.end()) letter.final_offset = final_offset->second;
    }
  }

 private:
  dlq::DeliveryBox& box_;
  std::size_t decided_ = 0;
};

}  // namespace openrun::testing
