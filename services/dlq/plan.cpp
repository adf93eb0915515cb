#include "dlq/plan.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <variant>

#include <openrun/base/limits.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::dlq {
namespace {

constexpr std::array states{LetterState::open, LetterState::replaying, LetterState::replayed, LetterState::discarded,
                            LetterState::refused_replay};

const char* verb_of(const issuance::CampaignCommand& command) {
  constexpr std::array verbs{"create", "change", "add stock to", "pause", "resume", "close"};
  return verbs.at(command.action.index());
}

std::string named(CampaignId campaign) {
  return "campaign " + std::to_string(campaign.value);
}

ReadValue read_event(const wire::DecodedRecord& record) {
  ReadValue read;
  read.campaign = record.campaign;
  if (const auto* request = std::get_if<issuance::IssueRequested>(&record.event)) {
    read.replayable = true;
    read.text = "request of user " + std::string(request->user) + " in " + named(request->campaign);
    if (!request->idempotency_key.empty()) read.text += ", key " + std::string(request->idempotency_key);
  } else if (const auto* command = std::get_if<issuance::CampaignCommand>(&record.event)) {
    read.replayable = true;
    read.text = std::string("command to ") + verb_of(*command) + " " + named(command->campaign) + ", key " +
                command->idempotency_key;
  } else if (const auto* replay = std::get_if<issuance::Replay>(&record.event)) {
    read.text = "replay of offset " + std::to_string(replay->origin.value) + "; its origin is what can be replayed";
  } else {
    read.text = "a change of the decision version, which is never replayed";
  }
  return read;
}

}  // namespace

// ---- states ----

const char* to_string(LetterState state) {
  switch (state) {
    case LetterState::open:
      return "open";
    case LetterState::replaying:
      return "replaying";
    case LetterState::replayed:
      return "replayed";
    case LetterState::discarded:
      return "discarded";
    case LetterState::refused_replay:
      return "refused_replay";
  }
  return "unknown";
}

std::optional<LetterState> state_named(std::string_view name) {
  const auto* found = std::ranges::find_if(states, [&](LetterState state) { return name == to_string(state); });
  return found == states.end() ? std::nullopt : std::optional(*found);
}

LetterState state_of(const ports::DeadLetter& letter) {
  // What the log decided goes before what an operator wanted: a replay that was in the log when its origin was given up
  // is decided all the same.
  if (letter.final_offset) {
    return *letter.final_offset == letter.row.offset ? LetterState::refused_replay : LetterState::replayed;
  }
  if (letter.discarded_at) return LetterState::discarded;
  if (letter.replay_offset && *letter.replay_offset >= letter.next_offset) return LetterState::replaying;
  return LetterState::open;
}

ReadValue read_value(std::string_view value) {
  const auto decoded = wire::decode(value);
  if (decoded) return read_event(*decoded);
  return {false, CampaignId{}, decoded.error().reason + ": " + decoded.error().error};
}

Match match(const LetterFilter& filter, const ports::DeadLetter& letter, const ReadValue& read) {
  if (filter.state && *filter.state != state_of(letter)) return Match::no;
  if (!filter.campaign) return Match::yes;
  if (read.campaign == CampaignId{}) return Match::campaign_unknown;
  return read.campaign == *filter.campaign ? Match::yes : Match::no;
}

// ---- the plan ----

const char* to_string(DlqAction action) {
  return action == DlqAction::replay ? "replay" : "discard";
}

const char* to_string(Skip skip) {
  switch (skip) {
    case Skip::resolved:
      return "RESOLVED";
    case Skip::in_the_log:
      return "IN_THE_LOG";
    case Skip::discarded:
      return "DISCARDED";
    case Skip::refused_replay:
      return "REFUSED_REPLAY";
    case Skip::replayed_often:
      return "REPLAYED_OFTEN";
    case Skip::not_readable:
      return "NOT_READABLE";
    case Skip::too_large:
      return "TOO_LARGE";
    case Skip::beyond_max:
      return "BEYOND_MAX";
  }
  return "UNKNOWN";
}

const char* explain(Skip skip) {
  switch (skip) {
    case Skip::resolved:
      return "a replay has resolved them already";
    case Skip::in_the_log:
      return "a replay of them is in the log and not decided yet";
    case Skip::discarded:
      return "an operator has discarded them";
    case Skip::refused_replay:
      return "they are replays themselves, and closed: it is their origins that can be replayed";
    case Skip::replayed_often:
      return "they were replayed --max-replays times already";
    case Skip::not_readable:
      return "no request and no command to this build, so a replay would fail again: repair them with --from-file";
    case Skip::too_large:
      return "a replay of them would not fit into one record of the log (16 KiB)";
    case Skip::beyond_max:
      return "more than --max";
  }
  return "";
}

std::string replay_record(const ports::DeadLetter& letter, std::string_view value, std::uint32_t nonce) {
  return wire::encode_replay(nonce, letter.row.offset, letter.row.log_time, value, letter.row.replays + 1);
}

std::optional<Skip> judge(const PlanRules& rules, const ports::DeadLetter& letter, std::string_view value) {
  switch (state_of(letter)) {
    case LetterState::replayed:
      return Skip::resolved;
    case LetterState::refused_replay:
      return Skip::refused_replay;
    case LetterState::discarded:
      return Skip::discarded;
    case LetterState::replaying:
      return Skip::in_the_log;
    case LetterState::open:
      break;
  }
  if (rules.action == DlqAction::discard) return std::nullopt;
  if (rules.replays_max && letter.row.replays >= *rules.replays_max) return Skip::replayed_often;
  if (!read_value(value).replayable) return Skip::not_readable;
  if (replay_record(letter, value, std::numeric_limits<std::uint32_t>::max()).size() > limits::record_bytes_max) {
    return Skip::too_large;
  }
  return std::nullopt;
}

void Planner::consider(const ports::DeadLetter& letter, std::string_view value) {
  switch (match(filter_, letter, read_value(value))) {
    case Match::no:
      return;
    case Match::campaign_unknown:
      ++plan_.campaign_unknown;
      return;
    case Match::yes:
      break;
  }
  ++plan_.matched;
  std::optional<Skip> skip = judge(rules_, letter, value);
  if (!skip && rules_.letters_max > 0 && plan_.letters.size() >= rules_.letters_max) skip = Skip::beyond_max;
  if (skip) {
    ++plan_.skipped[*skip];
    return;
  }
  plan_.letters.push_back({letter.id, letter.place()});
  ++plan_.by_reason[letter.row.reason];
}

// ---- figures ----

void Stats::add(const ports::DeadLetter& letter, Timestamp now) {
  constexpr std::int64_t hour_ms = 3'600'000;
  const LetterState state = state_of(letter);
  const std::int64_t age_ms = now - letter.created_at;
  const char* age = age_ms < hour_ms            ? "1 up to an hour"
                    : age_ms < 24 * hour_ms     ? "2 up to a day"
                    : age_ms < 7 * 24 * hour_ms ? "3 up to 7 days"
                                                : "4 older";
  ++total;
  if (letter.exported_at) ++exported;
  ++by_state[state];
  ++by_reason[letter.row.reason][state];
  ++by_partition[letter.partition][state];
  ++by_age[age][state];
  if (state == LetterState::open && (!oldest_open || letter.row.log_time < *oldest_open)) {
    oldest_open = letter.row.log_time;
  }
}

}  // namespace openrun::dlq
