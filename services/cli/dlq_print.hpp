// What `openrun dlq` prints for people: tables, one dead letter whole, plans and what became of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openrun/ports/dead_letters.hpp>
#include <openrun/ports/gateway_store.hpp>

#include "cli/front/text_table.hpp"
#include "dlq/plan.hpp"
#include "dlq/run.hpp"

namespace openrun::cli {

using namespace dlq;  // as dlq_arguments.hpp

[[nodiscard]] TextTable letter_table();
[[nodiscard]] std::vector<Cell> letter_row(const ports::DeadLetter& letter);

// What the record at an offset was decided to be: "ISSUED, coupon 5", or "?" where the outcome is no longer kept.
[[nodiscard]] std::string outcome_at(ports::GatewayStore& store, Partition partition, Offset offset);

struct LetterStory {
  ports::DeadLetter letter;
  std::vector<ports::ReplayRecord> replays;
  std::vector<std::string> outcomes;  // one per replay: what was decided, or that it is not
  std::string final_outcome;          // of the record that resolved it; empty where there is none
};
void print_story(const LetterStory& story);
void print_story_json(const LetterStory& story);

void print_stats(const Stats& stats, const PrintStyle& style);

// To stdout; what is printed before anything is done.
void print_plan(const Plan& plan, DlqAction action);
void print_report(const RunReport& report, DlqAction action);
// A bar on stderr where that is a terminal; nothing elsewhere.
void show_bar(const RunReport& report);

}  // namespace openrun::cli
