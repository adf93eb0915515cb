#include "cli/dlq_print.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include <unistd.h>

#include <openrun/wire/json.hpp>
#include <openrun/wire/result_batch.hpp>

#include "cli/context.hpp"
#include "cli/front/views.hpp"
#include "dlq/text.hpp"

namespace openrun::cli {
namespace {

constexpr std::size_t value_bytes_shown = 4'096;

std::string time_or_dash(const std::optional<Timestamp>& time) {
  return time ? wire::format_time(time->value) : "-";
}

void add_counts(TextTable& table, const std::string& name, const Stats::Counts& counts) {
  std::vector<Cell> row{name};
  for (const LetterState state : {LetterState::open, LetterState::replaying, LetterState::replayed,
                                  LetterState::discarded, LetterState::refused_replay}) {
    const auto found = counts.find(state);
    row.emplace_back(grouped(found == counts.end() ? std::uint64_t{0} : std::uint64_t{found->second}));
  }
  table.add(std::move(row));
}

void line(const char* name, const std::string& value) {
  std::printf("  %-11s %s\n", name, value.c_str());
}

}  // namespace

TextTable letter_table() {
  return {{{"PLACE"},
           {"STATE"},
           {"REASON"},
           {"CAMPAIGN", Align::right},
           {"ARRIVED"},
           {"REPLAYS", Align::right},
           {"FINAL", Align::right},
           {"BYTES", Align::right},
           {"ERROR", Align::left, true}},
          "there are no such dead letters"};
}

std::vector<Cell> letter_row(const ports::DeadLetter& letter) {
  constexpr std::size_t error_shown = 60;
  const CampaignId campaign = read_value(letter.row.value).campaign;
  std::string error = letter.row.error;
  std::ranges::replace(error, '\n', ' ');
  return {format_place(letter.place()),
          state_cell(to_string(state_of(letter))),
          letter.row.reason,
          campaign == CampaignId{} ? "-" : std::to_string(campaign.value),
          wire::format_time(letter.row.log_time.value),
          std::to_string(letter.row.replays),
          letter.final_offset ? std::to_string(letter.final_offset->value) : "-",
          grouped(std::uint64_t{letter.row.value.size()}),
          cut_to_width(error, error_shown)};
}

std::string outcome_at(ports::GatewayStore& store, Partition partition, Offset offset) {
  const auto payload = value_or_fail(store.outcome_batch(partition, offset));
  if (!payload) return "decided, but its outcome is no longer kept";
  const auto batch = value_or_fail(wire::decode_result_batch(*payload));
  const auto& entry = batch.entries.at(static_cast<std::size_t>(offset - batch.first_offset));
  std::string text = issuance::to_string(entry.outcome);
  if (entry.sequence.value != 0) {
    text += ", coupon " + std::to_string(entry.sequence.value) + " of campaign " + std::to_string(entry.campaign.value);
  }
  return text;
}

void print_story(const LetterStory& story) {
  const ports::DeadLetter& letter = story.letter;
  std::printf("dead letter %s\n", format_place(letter.place()).c_str());
  line("state", to_string(state_of(letter)));
  line("reason", letter.row.reason + (letter.row.error.empty() ? "" : ": " + letter.row.error));
  line("arrived", wire::format_time(letter.row.log_time.value));
  line("dead since", wire::format_time(letter.created_at.value));
  line("exported", time_or_dash(letter.exported_at));
  line("discarded", time_or_dash(letter.discarded_at));
  line("key", readable_bytes(letter.row.key));
  for (const auto& [name, value] : letter.row.headers) {
    line("header", readable_bytes(name) + " = " + readable_bytes(value));
  }
  line("decoded", read_value(letter.row.value).text);
  line("value", std::to_string(letter.row.value.size()) + " bytes");
  std::cout << std::flush << hex_dump(letter.row.value, value_bytes_shown) << std::flush;
  line("replays", std::to_string(letter.row.replays));
  for (std::size_t i = 0; i < story.replays.size(); ++i) {
    const ports::ReplayRecord& replay = story.replays[i];
    line("", "offset " + std::to_string(replay.replay_offset.value) + " at " + wire::format_time(replay.sent_at.value) +
                 " by " + replay.sent_by + ": " + story.outcomes.at(i));
  }
  if (letter.final_offset) {
    line("outcome", story.final_outcome + " (at offset " + std::to_string(letter.final_offset->value) + ")");
  }
}

void print_story_json(const LetterStory& story) {
  std::string out = export_line(story.letter);
  out.pop_back();  // the object goes on
  out += ",\"replayed\":";
  std::string replays;
  wire::JsonWriter json(replays);
  json.begin_array();
  for (std::size_t i = 0; i < story.replays.size(); ++i) {
    const ports::ReplayRecord& replay = story.replays[i];
    json.begin_object().key("offset").number(replay.replay_offset.value);
    json.key("sent_at").string(wire::format_time(replay.sent_at.value)).key("sent_by").string(replay.sent_by);
    json.key("outcome").string(story.outcomes.at(i)).end_object();
  }
  json.end_array();
  std::string outcome;
  wire::JsonWriter last(outcome);
  story.final_outcome.empty() ? last.null() : last.string(story.final_outcome);
  std::cout << out << replays << ",\"final_outcome\":" << outcome << "}\n";
}

void print_stats(const Stats& stats, const PrintStyle& style) {
  TextTable table({{""},
                   {"OPEN", Align::right},
                   {"REPLAYING", Align::right},
                   {"REPLAYED", Align::right},
                   {"DISCARDED", Align::right},
                   {"REFUSED_REPLAY", Align::right}},
                  "");
  add_counts(table, "all", stats.by_state);
  for (const auto& [reason, counts] : stats.by_reason) add_counts(table, reason, counts);
  for (const auto& [partition, counts] : stats.by_partition) {
    add_counts(table, "partition " + std::to_string(partition.value), counts);
  }
  for (const auto& [age, counts] : stats.by_age) add_counts(table, age.substr(2), counts);
  std::cout << table.text(style) << stats.total << " dead letters, " << stats.exported << " exported to the topic";
  if (stats.oldest_open) std::cout << "; the oldest open one arrived " << wire::format_time(stats.oldest_open->value);
  std::cout << "\n";
  if (stats.campaign_unknown > 0) std::cout << stats.campaign_unknown << " more tell no campaign in their bytes\n";
}

void print_plan(const Plan& plan, DlqAction action) {
  std::cout << "plan: " << to_string(action) << " " << plan.letters.size() << " of " << plan.matched
            << " dead letters\n";
  for (const auto& [reason, count] : plan.by_reason) std::cout << "  " << count << "  " << reason << "\n";
  for (const auto& [skip, count] : plan.skipped) {
    std::cout << "  " << count << "  left out: " << explain(skip) << "\n";
  }
  if (plan.campaign_unknown > 0) {
    std::cout << "  " << plan.campaign_unknown
              << "  left out: their bytes tell no campaign, so --campaign can't find them\n";
  }
}

void print_report(const RunReport& report, DlqAction action) {
  std::cout << (action == DlqAction::replay ? "replayed " : "discarded ") << report.done << " of " << report.planned;
  if (report.left_out > 0) std::cout << ", " << report.left_out << " had changed since the plan";
  if (report.unknown > 0) std::cout << ", " << report.unknown << " perhaps";
  if (report.stopped) std::cout << ", then stopped; the same command goes on";
  std::cout << "\n";
}

void show_bar(const RunReport& report) {
  if (isatty(STDERR_FILENO) == 0 || report.planned == 0) return;
  constexpr std::size_t width = 40;
  const std::uint64_t looked_at = std::min(report.planned, report.done + report.left_out + report.unknown);
  const auto filled = static_cast<std::size_t>(looked_at * width / report.planned);
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  std::fprintf(stderr, "\r[%s] %llu of %llu", bar.c_str(), static_cast<unsigned long long>(looked_at),
               static_cast<unsigned long long>(report.planned));
  if (looked_at == report.planned) std::fputc('\n', stderr);
}

}  // namespace openrun::cli
