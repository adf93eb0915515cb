// dlq: dead letters, their replay and what became of them.
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include <openrun/crypto/mac.hpp>
#include <openrun/postgres/dead_letter_store.hpp>
#include <openrun/runtime/runtime.hpp>

#include "cli/context.hpp"
#include "cli/dlq_arguments.hpp"
#include "cli/dlq_print.hpp"
#include "dlq/run.hpp"
#include "dlq/text.hpp"

namespace openrun::cli {
namespace {

using Arguments = DlqArguments;

std::unique_ptr<ports::DeadLetterStore> open_store(const Context& context) {
  return postgres::make_dead_letter_store(context.postgres(), quiet_logger());
}

// ---- reading ----

void list(const Context& context, const Arguments& arguments) {
  const LetterFilter filter = filter_of(arguments);
  std::optional<ports::DeadLetterPlace> after;
  if (!arguments.after.empty()) after = valid_or_usage(parse_place(arguments.after));
  const auto store = open_store(context);
  TextTable table = letter_table();
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("dead_letters").begin_array();
  std::uint64_t shown = 0;
  std::uint64_t campaign_unknown = 0;
  bool more = true;
  while (more && shown < arguments.limit) {
    const auto page = value_or_fail(store->letters(filter.stored, after, batch_letters_max));
    more = page.size() == batch_letters_max;
    for (std::size_t i = 0; i < page.size() && shown < arguments.limit; ++i) {
      const ports::DeadLetter& letter = page[i];
      after = letter.place();
      const Match matched = match(filter, letter, read_value(letter.row.value));
      campaign_unknown += matched == Match::campaign_unknown ? 1 : 0;
      if (matched != Match::yes) continue;
      ++shown;
      table.add(letter_row(letter));
      json.begin_object();
      write_letter(json, letter);
      json.end_object();
      more = more || i + 1 < page.size();
    }
  }
  json.end_array().key("campaign_unknown").number(campaign_unknown).key("next_after");
  const bool next = more && shown >= arguments.limit;
  next ? json.string(format_place(*after)) : json.null();
  json.end_object();
  std::cout << (context.json ? out + "\n" : table.text(context.style));
  if (context.json) return;
  if (campaign_unknown > 0) std::cout << campaign_unknown << " more tell no campaign in their bytes\n";
  if (next) std::cout << "more: add --after " << format_place(*after) << "\n";
}

void show(const Context& context, const Arguments& arguments) {
  LetterFilter filter = filter_of(arguments);
  if (!arguments.place.empty()) {
    const auto place = valid_or_usage(parse_place(arguments.place));
    filter.stored.partition = place.partition;
    filter.stored.offsets = {place.offset, place.offset};
  }
  const auto store = open_store(context);
  std::vector<ports::DeadLetter> found;
  value_or_fail(each_letter(*store, filter.stored, [&](const ports::DeadLetter& letter) {
    if (found.size() < 2 && match(filter, letter, read_value(letter.row.value)) == Match::yes) found.push_back(letter);
  }));
  if (found.empty()) throw CommandFailed{found_wrong, "there is no such dead letter"};
  if (found.size() > 1) {
    throw CommandFailed{usage_error, "several dead letters fit; name one by its place, as openrun dlq show " +
                                         format_place(found.front().place())};
  }
  LetterStory story{std::move(found.front()), {}, {}, ""};
  const ports::DeadLetter& letter = story.letter;
  const auto outcomes = postgres::make_gateway_store(context.postgres(), quiet_logger());
  story.replays = value_or_fail(store->replays_of(letter.place()));
  for (const ports::ReplayRecord& replay : story.replays) {
    story.outcomes.push_back(replay.replay_offset < letter.next_offset
                                 ? outcome_at(*outcomes, letter.partition, replay.replay_offset)
                                 : "not decided yet");
  }
  if (letter.final_offset) story.final_outcome = outcome_at(*outcomes, letter.partition, *letter.final_offset);
  context.json ? print_story_json(story) : print_story(story);
}

void stats(const Context& context, const Arguments& arguments) {
  const LetterFilter filter = filter_of(arguments);
  const auto store = open_store(context);
  const Timestamp now = runtime::SystemClock{}.now();
  Stats figures;
  value_or_fail(each_letter(*store, filter.stored, [&](const ports::DeadLetter& letter) {
    const Match matched = match(filter, letter, read_value(letter.row.value));
    if (matched == Match::yes) figures.add(letter, now);
    if (matched == Match::campaign_unknown) ++figures.campaign_unknown;
  }));
  if (!context.json) return print_stats(figures, context.style);
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  write_stats(json, figures);
  json.end_object();
  std::cout << out << "\n";
}

void export_letters(const Context& context, const Arguments& arguments) {
  const LetterFilter filter = filter_of(arguments);
  std::ofstream file;
  if (!arguments.file.empty()) {
    file.open(arguments.file, std::ios::trunc | std::ios::binary);
    if (!file) throw CommandFailed{found_wrong, arguments.file + " cannot be written"};
  }
  std::ostream& out = arguments.file.empty() ? std::cout : file;
  const auto store = open_store(context);
  std::uint64_t written = 0;
  std::uint64_t unknown = 0;
  value_or_fail(each_letter(*store, filter.stored, [&](const ports::DeadLetter& letter) {
    const Match matched = match(filter, letter, read_value(letter.row.value));
    unknown += matched == Match::campaign_unknown ? 1 : 0;
    if (matched != Match::yes) return;
    out << export_line(letter) << "\n";
    ++written;
  }));
  out.flush();
  if (!out) throw CommandFailed{found_wrong, "the export could not be written whole"};
  if (!arguments.file.empty() && context.json) {
    std::cout << "{\"exported\":" << written << ",\"campaign_unknown\":" << unknown << "}\n";
  } else if (!arguments.file.empty()) {
    std::cout << "exported " << written << " dead letters to " << arguments.file << "\n";
  }
  if (unknown > 0 && !context.json) std::cerr << unknown << " more tell no campaign in their bytes\n";
}

// ---- acting ----

Repairs repairs_of(const Arguments& arguments, const LetterFilter& filter) {
  if (arguments.file.empty()) return {};
  std::ifstream file(arguments.file, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  if (!file) throw CommandFailed{usage_error, arguments.file + " cannot be read, or is empty"};
  std::optional<ports::DeadLetterPlace> only;
  if (filter.stored.offsets && filter.stored.offsets->first == filter.stored.offsets->second) {
    only = ports::DeadLetterPlace{*filter.stored.partition, filter.stored.offsets->first};
  }
  auto repairs = parse_repairs(bytes.str(), only);
  if (!repairs) throw CommandFailed{usage_error, arguments.file + ": " + repairs.error().message};
  return std::move(*repairs);
}

// A replay stays in its origin's partition, and so must the campaign that a repaired record names.
void check_home(ports::DeadLetterStore& store, const ports::DeadLetterPlace& place, const std::string& value) {
  const CampaignId campaign = read_value(value).campaign;
  const auto home = value_or_fail(store.home_of(campaign));
  if (!home || *home == place.partition) return;
  throw CommandFailed{usage_error, "the repaired record for " + format_place(place) + " names campaign " +
                                       std::to_string(campaign.value) + ", which lives in partition " +
                                       std::to_string(home->value) +
                                       ": a replay is decided in the partition of its origin"};
}

Plan plan_of(ports::DeadLetterStore& store, const LetterFilter& filter, const PlanRules& rules,
             const Repairs& repairs) {
  Planner planner(filter, rules);
  const auto consider = [&](const ports::DeadLetter& letter) { planner.consider(letter, value_of(letter, repairs)); };
  if (repairs.empty()) {
    value_or_fail(each_letter(store, filter.stored, consider));
    return planner.plan();
  }
  for (const auto& [place, value] : repairs) {
    check_home(store, place, value);
    ports::DeadLetterFilter one = filter.stored;
    one.partition = place.partition;
    one.offsets = {place.offset, place.offset};
    const auto found = value_or_fail(store.letters(one, std::nullopt, 1));
    if (found.empty()) throw CommandFailed{usage_error, "there is no dead letter at " + format_place(place)};
    consider(found.front());
  }
  return planner.plan();
}

void print_outcome(Context& context, const Plan& plan, const PlanRules& rules, const RunReport* report) {
  if (report != nullptr && !report->complete()) context.exit_code = found_wrong;
  if (!context.json) {
    if (report != nullptr) print_report(*report, rules.action);
    if (report == nullptr && !plan.letters.empty()) std::cout << "nothing was done; add --execute\n";
  } else {
    std::string out;
    wire::JsonWriter json(out);
    json.begin_object().key("action").string(to_string(rules.action)).key("executed").boolean(report != nullptr);
    write_plan(json, plan);
    if (report != nullptr) {
      json.key("done").number(report->done).key("left_out").number(report->left_out);
      json.key("unknown").number(report->unknown).key("stopped").boolean(report->stopped);
      json.key("error");
      report->error.empty() ? json.null() : json.string(report->error);
    }
    json.end_object();
    std::cout << out << "\n";
  }
  if (report != nullptr && !report->error.empty()) std::cerr << "openrun: " << report->error << "\n";
}

RunReport carry_out(const Context& context, const Arguments& arguments, ports::DeadLetterStore& store, const Plan& plan,
                    const PlanRules& rules, const LetterFilter& filter, const Repairs& repairs) {
  runtime::StopSignal stop;
  const runtime::SystemClock clock;
  const RunParts parts{store, clock, [&](std::chrono::milliseconds wait) { return stop.wait_for(wait); }, show_bar};
  const ports::DeadLetterAction action{to_string(rules.action), filter_json(filter, rules, repairs), who(arguments),
                                       plan.letters.size()};
  if (rules.action == DlqAction::discard) return run_discard(parts, plan, action);
  DeliveryBox box;
  const auto log = value_or_fail(kafka::make_appender(
      context.kafka(), ports::Topic::requests,
      [&box](std::span<const ports::Delivery> deliveries) { box.put(deliveries); }, quiet_logger()));
  return run_replay(parts, {*log, box, crypto::random_u32, arguments.per_second}, plan, rules, repairs, action);
}

void act(Context& context, const Arguments& arguments, DlqAction action) {
  const LetterFilter filter = filter_of(arguments);
  PlanRules rules;
  rules.action = action;
  rules.letters_max = arguments.letters_max;
  if (arguments.replays_max >= 0) rules.replays_max = static_cast<std::uint32_t>(arguments.replays_max);
  const Repairs repairs = repairs_of(arguments, filter);
  const auto store = open_store(context);
  const Plan plan = plan_of(*store, filter, rules, repairs);
  if (!context.json) print_plan(plan, action);
  if (!arguments.execute || plan.letters.empty()) return print_outcome(context, plan, rules, nullptr);
  std::cout << std::flush;
  const RunReport report = carry_out(context, arguments, *store, plan, rules, filter, repairs);
  print_outcome(context, plan, rules, &report);
}

void accept(const Context& context, const Arguments& arguments) {
  const LetterFilter filter = filter_of(arguments);
  const auto& [first, last] = *filter.stored.offsets;
  const auto store = open_store(context);
  const Partition partition = *filter.stored.partition;
  const Offset next = value_or_fail(store->accept(partition, first, last, who(arguments)));
  if (context.json) {
    std::cout << "{\"partition\":" << partition.value << ",\"first_offset\":" << first.value
              << ",\"last_offset\":" << last.value << ",\"next_offset\":" << next.value << "}\n";
    return;
  }
  std::cout << "accepted: offsets " << first.value << " to " << last.value << " of partition " << partition.value
            << " may become dead letters, however many they are\n";
  if (last < next) {
    std::cout << "these offsets are decided already; nothing changes\n";
  } else {
    std::cout << "an issuer that waits for this goes on within 2 s\n";
  }
}

}  // namespace

void add_dlq_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto* dlq = app.add_subcommand("dlq", "Look at dead letters, replay, discard or accept them")
                  ->require_subcommand(1)
                  ->group("Dead letters");
  const auto add = [&](const char* name, const char* text, auto run) {
    auto* command = dlq->add_subcommand(name, text)->group("Commands");
    on_run(*command, context, [&context, arguments, run] { run(context, *arguments); });
    return command;
  };

  auto* listing = add("list", "List dead letters, page by page", list);
  add_filters(*listing, *arguments);
  add_state(*listing, *arguments);
  listing->add_option("--limit", arguments->limit, "How many at once")
      ->type_name("COUNT")
      ->check(CLI::Range(1U, 100'000U));
  listing->add_option("--after", arguments->after, "PARTITION:OFFSET: those behind it")->type_name("PLACE");

  auto* one = add("show", "Show one of them: headers, bytes, replays, outcome", show);
  one->add_option("PLACE", arguments->place, "PARTITION:OFFSET, as the list shows it")->type_name("PLACE");
  add_filters(*one, *arguments);

  auto* figures = add("stats", "Count them by state, reason, partition and age", stats);
  add_filters(*figures, *arguments);
  add_state(*figures, *arguments);

  auto* exported = add("export", "Write them as JSON lines with key, value and headers in base 64", export_letters);
  add_filters(*exported, *arguments);
  add_state(*exported, *arguments);
  exported->add_option("--file", arguments->file, "Where to (default: stdout)")->type_name("FILE");

  auto* replay = add("replay", "Send them back into the log",
                     [](Context& to, const Arguments& with) { act(to, with, DlqAction::replay); });
  add_filters(*replay, *arguments);
  add_action(*replay, *arguments);
  replay
      ->add_option("--rate", arguments->per_second, "At most so many a second (default: as fast as the log takes them)")
      ->type_name("COUNT")
      ->default_str("");
  replay->add_option("--max-replays", arguments->replays_max, "Leave out what was replayed that often already")
      ->type_name("COUNT")
      ->default_str("")
      ->check(CLI::Range(0, 2'147'483'647));
  replay
      ->add_option("--from-file", arguments->file,
                   "Repaired records instead of the kept ones: exported lines with "
                   "another value, or the bytes of one record")
      ->type_name("FILE");

  auto* discard = add("discard", "Give them up: they stay as they are, and are never replayed",
                      [](Context& to, const Arguments& with) { act(to, with, DlqAction::discard); });
  add_filters(*discard, *arguments);
  add_action(*discard, *arguments);

  auto* accepted = add("accept", "Let the issuer write dead letters at these offsets, however many they are", accept);
  accepted->add_option("--partition", arguments->partition, "The partition that waits")
      ->required()
      ->type_name("PARTITION")
      ->check(CLI::Range(0, 2'147'483'647));
  accepted->add_option("--offsets", arguments->offsets, "A-B, both included")->required()->type_name("OFFSETS");
  add_by(*accepted, *arguments);
}

}  // namespace openrun::cli
