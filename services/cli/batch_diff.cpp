#include "cli/batch_diff.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <openrun/crypto/mac.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::cli {
namespace {

template <class T>
std::string number_of(T value) {
  return std::to_string(value.value);
}

class Comparison {
 public:
  Comparison(const wire::ResultBatch& expected, const wire::ResultBatch& found, const BatchLimits& limits)
      : expected_(expected), found_(found), limits_(limits) {}

  std::vector<std::string> run() && {
    frame();
    entries();
    campaigns();
    commands();
    replays();
    return std::move(out_);
  }

 private:
  void say(std::string text) {
    if (out_.size() < differences_max) out_.push_back(std::move(text));
  }
  template <class T>
  void same(const std::string& what, const T& expected, const T& found) {
    if (expected != found) say(what + " is " + std::to_string(found) + ", decided was " + std::to_string(expected));
  }
  [[nodiscard]] bool skipped(CampaignId campaign) const { return limits_.unknown.contains(campaign); }

  void frame() {
    same("its partition", expected_.partition.value, found_.partition.value);
    same("its last offset", expected_.last_offset.value, found_.last_offset.value);
    if (!limits_.whole) return;
    same("its first offset", expected_.first_offset.value, found_.first_offset.value);
    same("its log time", expected_.log_time.value, found_.log_time.value);
  }

  void entries() {
    for (const wire::OutcomeEntry& found : found_.entries) {
      if (found.offset < limits_.from || found.offset < expected_.first_offset) continue;
      const auto at = static_cast<std::size_t>(found.offset - expected_.first_offset);
      if (at >= expected_.entries.size()) continue;
      const wire::OutcomeEntry& expected = expected_.entries[at];
      if (skipped(expected.campaign)) continue;
      if (expected.outcome != found.outcome || expected.campaign != found.campaign ||
          expected.sequence != found.sequence || expected.issued_at != found.issued_at) {
        say("offset " + number_of(found.offset) + " says " + in_words(found) + ", decided was " + in_words(expected));
      } else if (expected.nonce != found.nonce || expected.winner != found.winner) {
        say("offset " + number_of(found.offset) + " has another " +
            (expected.nonce != found.nonce ? "nonce than its record" : "winner than its user"));
      }
    }
  }

  static std::string digest_of(const wire::CampaignCounters& counters) {
    return counters.digest ? crypto::hex(*counters.digest) : "none";
  }

  void campaigns() {
    for (const wire::CampaignCounters& found : found_.campaigns) {
      const auto expected = std::ranges::find(expected_.campaigns, found.campaign, &wire::CampaignCounters::campaign);
      const std::string name = "campaign " + number_of(found.campaign) + ": ";
      if (skipped(found.campaign)) continue;
      if (expected == expected_.campaigns.end()) {
        if (limits_.whole) say(name + "it holds counters, but nothing of the batch touched it");
        continue;
      }
      same(name + "stock", expected->stock, found.stock);
      same(name + "issued", expected->issued, found.issued);
      same(name + "terms offset", expected->terms_offset.value, found.terms_offset.value);
      if (expected->paused != found.paused || expected->closed != found.closed) say(name + "paused or closed differs");
      if (expected->starts_at != found.starts_at || expected->ends_at != found.ends_at) say(name + "its times differ");
      // A writer of before the digests left them out.
      if (found.digest && expected->digest != found.digest) {
        say(name + "digest is " + digest_of(found) + ", decided was " + digest_of(*expected));
      }
    }
    for (const wire::CampaignCounters& expected : expected_.campaigns) {
      if (std::ranges::find(found_.campaigns, expected.campaign, &wire::CampaignCounters::campaign) ==
          found_.campaigns.end()) {
        say("campaign " + number_of(expected.campaign) + ": its counters are missing");
      }
    }
  }

  void commands() {
    const auto relevant = [&](const wire::CommandResult& command, const wire::ResultBatch& batch) {
      const auto at = static_cast<std::size_t>(command.offset - batch.first_offset);
      return command.offset >= limits_.from && !skipped(batch.entries.at(at).campaign);
    };
    for (const wire::CommandResult& expected : expected_.commands) {
      if (!relevant(expected, expected_)) continue;
      const auto found = std::ranges::find(found_.commands, expected.offset, &wire::CommandResult::offset);
      if (found == found_.commands.end()) {
        say("the command at offset " + number_of(expected.offset) + " is missing");
      } else if (found->first_offset != expected.first_offset || found->after != expected.after) {
        say("the command at offset " + number_of(expected.offset) + " shows another campaign than it left behind");
      }
    }
  }

  void replays() {
    std::set<std::pair<std::int64_t, std::int64_t>> expected;
    for (const wire::ReplayResult& replay : expected_.replays) {
      expected.emplace(replay.origin.value, replay.offset.value);
    }
    for (const wire::ReplayResult& replay : found_.replays) {
      if (replay.offset < limits_.from) continue;
      if (expected.erase({replay.origin.value, replay.offset.value}) == 0) {
        say("it resolves offset " + number_of(replay.origin) + " by the replay at " + number_of(replay.offset) +
            ", which did not");
      }
    }
    for (const auto& [origin, offset] : expected) {
      say("it does not say that the replay at offset " + std::to_string(offset) + " resolved offset " +
          std::to_string(origin));
    }
  }

  const wire::ResultBatch& expected_;
  const wire::ResultBatch& found_;
  const BatchLimits& limits_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> differences(const wire::ResultBatch& expected, const wire::ResultBatch& found,
                                     const BatchLimits& limits) {
  return Comparison(expected, found, limits).run();
}

std::string in_words(const wire::OutcomeEntry& entry) {
  std::string text = entry.outcome == issuance::Outcome::none ? "no record" : issuance::to_string(entry.outcome);
  if (entry.campaign.value != 0) text += " campaign " + number_of(entry.campaign);
  if (entry.sequence.value != 0) {
    text += " sequence " + number_of(entry.sequence) + " at " + wire::format_time(entry.issued_at.value);
  }
  return text;
}

}  // namespace openrun::cli
