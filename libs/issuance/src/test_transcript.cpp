#include "src/test_transcript.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "src/test_world.hpp"

namespace openrun::issuance::testing {
namespace {

[[noreturn]] void malformed(const std::string& what) {
  throw std::runtime_error("a transcript cannot be read: " + what);
}

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) malformed("no number: " + text);
  return number;
}

// HH:MM:SS.mmm of the first day there is.
Timestamp time_of(const std::string& text) {
  if (text.size() != 12 || text[2] != ':' || text[5] != ':' || text[8] != '.') malformed("no time: " + text);
  const std::int64_t minutes = number_of(text.substr(0, 2)) * 60 + number_of(text.substr(3, 2));
  return Timestamp{(minutes * 60 + number_of(text.substr(6, 2))) * 1'000 + number_of(text.substr(9, 3))};
}

std::string text_of(Timestamp time) {
  char text[32];
  const long long ms = time.value;
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld.%03lld", ms / 3'600'000, ms / 60'000 % 60, ms / 1'000 % 60,
                ms % 1'000);
  return text;
}

// The fields of one record. Every one must be used: a misspelt name is an error.
class Fields {
 public:
  explicit Fields(std::istream& words) {
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) malformed("no field: " + word);
      fields_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  std::optional<std::string> take(const std::string& name) {
    const auto found = fields_.extract(name);
    return found.empty() ? std::nullopt : std::optional(found.mapped());
  }
  std::string need(const std::string& name) {
    const auto value = take(name);
    if (!value) malformed("without " + name);
    return *value;
  }
  void expect_all_taken() const {
    if (!fields_.empty()) malformed("unknown field " + fields_.begin()->first);
  }

 private:
  std::map<std::string, std::string> fields_;
};

class Player {
 public:
  // A whole transcript, line by line.
  std::string play(const std::string& transcript) {
    std::istringstream lines(transcript);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("  ")) continue;
      out_ << line << "\n";
      if (line.empty() || line.front() == '#') continue;
      std::istringstream words(line);
      std::string first;
      words >> first;
      if (first == "restart") {
        world_.restart();
      } else if (first == "show") {
        show(words);
      } else {
        record(number_of(first), words);
      }
    }
    return out_.str();
  }

 private:
  void record(std::int64_t offset, std::istream& words) {
    std::string time;
    std::string kind;
    words >> time >> kind;
    const Decision decision = world_.apply(Input{Offset{offset}, time_of(time), event_of(kind, words)});
    describe(decision);
  }

  Event event_of(const std::string& kind, std::istream& words) {
    if (kind == "replay") return replay_of(words);
    Fields fields(words);
    Event event = event_of(kind, fields);
    fields.expect_all_taken();
    return event;
  }

  Event event_of(const std::string& kind, Fields& fields) {
    if (kind == "undecidable") return Undecidable{fields.need("reason")};
    if (kind == "version") return DecisionVersion{static_cast<std::uint32_t>(number_of(fields.need("to")))};
    const CampaignId campaign = campaign_in(fields);
    if (kind == "request") {
      const std::string& user = texts_.emplace_back(fields.need("user"));
      const std::string& key = texts_.emplace_back(fields.take("key").value_or(""));
      const auto nonce = static_cast<std::uint32_t>(number_of(fields.take("nonce").value_or("0")));
      return IssueRequested{campaign, user, key, nonce};
    }
    return CampaignCommand{campaign, fields.need("key"), action_of(kind, fields)};
  }

  Event replay_of(std::istream& words) {
    std::string origin;
    std::string arrived;
    std::string kind;
    words >> origin >> arrived >> kind;
    if (!origin.starts_with("origin=") || !arrived.starts_with("arrived="))
      malformed("a replay without origin= and arrived=");
    Replay replay{Offset{number_of(origin.substr(7))}, time_of(arrived.substr(8)), {}};
    const Event original = event_of(kind, words);
    if (const auto* request = std::get_if<IssueRequested>(&original)) replay.original = *request;
    if (const auto* command = std::get_if<CampaignCommand>(&original)) replay.original = *command;
    if (const auto* undecidable = std::get_if<Undecidable>(&original)) replay.original = *undecidable;
    return replay;
  }

  static CampaignId campaign_in(Fields& fields) {
    return CampaignId{static_cast<std::uint32_t>(number_of(fields.need("campaign")))};
  }

  static decltype(CampaignCommand::action) action_of(const std::string& kind, Fields& fields) {
    if (kind == "create") return CreateCampaign{terms_in(fields)};
    if (kind == "change") return change_in(fields);
    if (kind == "add_stock") return AddStock{number_of(fields.need("add"))};
    if (kind == "pause") return PauseCampaign{};
    if (kind == "resume") return ResumeCampaign{};
    if (kind == "close") return CloseCampaign{};
    malformed("no record: " + kind);
  }

  static CampaignTerms terms_in(Fields& fields) {
    CampaignTerms terms;
    terms.name = fields.take("name").value_or("");
    terms.stock = static_cast<std::uint32_t>(number_of(fields.need("stock")));
    terms.starts_at = time_of(fields.need("starts"));
    if (const auto ends = fields.take("ends")) terms.ends_at = time_of(*ends);
    terms.policy.max_per_user = static_cast<std::uint32_t>(number_of(fields.take("max_per_user").value_or("1")));
    return terms;
  }

  static ChangeCampaign change_in(Fields& fields) {
    ChangeCampaign change;
    change.name = fields.take("name");
    if (const auto starts = fields.take("starts")) change.starts_at = time_of(*starts);
    if (const auto ends = fields.take("ends")) {
      change.ends_at = *ends == "none" ? std::optional<Timestamp>() : std::optional(time_of(*ends));
    }
    if (const auto limit = fields.take("max_per_user")) {
      change.policy.emplace().max_per_user = static_cast<std::uint32_t>(number_of(*limit));
    }
    return change;
  }

  void describe(const Decision& decision) {
    std::string name = to_string(decision.outcome);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    out_ << "  " << name;
    if (decision.sequence.value != 0) out_ << " seq=" << decision.sequence.value;
    const bool earlier = decision.outcome == Outcome::issued_before || decision.outcome == Outcome::already_issued;
    if (earlier) out_ << " since=" << text_of(decision.time);
    // Where the log's time differs from what the line above says.
    if (decision.outcome == Outcome::issued) out_ << " at=" << text_of(decision.time);
    if (decision.first_offset) out_ << " first=" << decision.first_offset->value;
    if (decision.origin) out_ << " resolves=" << decision.origin->value;
    out_ << "\n";
  }

  void show(std::istream& words) {
    Fields fields(words);
    const Campaign* const campaign = world_.machine().find(campaign_in(fields));
    fields.expect_all_taken();
    if (campaign == nullptr) {
      out_ << "  not there\n";
      return;
    }
    out_ << "  " << to_string(state_at(*campaign, world_.machine().log_time())) << " stock=" << campaign->terms.stock
         << " issued=" << campaign->issued << " changed=" << campaign->terms_offset.value << "\n";
  }

  World world_;
  std::ostringstream out_;
  std::deque<std::string> texts_;  // what the views of the requests look at
};

}  // namespace

std::string play(const std::string& transcript) {
  return Player().play(transcript);
}

}  // namespace openrun::issuance::testing
