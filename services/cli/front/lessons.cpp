#include "cli/front/help_text.hpp"

namespace openrun::cli {
namespace {

constexpr std::string_view undecided_exits =
    "0 done, 1 it could not be done, or it is not decided yet after 10 s, 2 wrong usage or configuration.";
constexpr std::string_view plan_exits =
    "0 done, or only planned, 1 not all of the plan could be done, 2 wrong usage or configuration.";

const std::vector<Lesson>& campaign_lessons() {
  static const std::vector<Lesson> lessons{
      {"campaign create",
       {{"A thousand coupons, from now on", "openrun campaign create --name \"Spring sale\" --stock 1000"},
        {"Opens at a moment, ends at another, ten percent off",
         "openrun campaign create --name \"Advent\" --stock 500 --starts-at 2030-12-01T10:00:00Z "
         "--ends-at 2030-12-24T00:00:00Z --discount-percent 10"},
        {"Opens in 30 seconds; run twice with one key, it makes one campaign",
         "openrun campaign create --name \"Test\" --stock 100 --starts-at +30s --idempotency-key test-1"},
        {"Two per user, good for a week, codes in latin letters",
         "openrun campaign create --name \"Pairs\" --stock 50 --max-per-user 2 --valid-for 7d --code-format latin"}},
       undecided_exits,
       "docs/cli.md#campaigns"},
      {"campaign list",
       {{"All campaigns", "openrun campaign list"},
        {"Those that give coupons now", "openrun campaign list --state open"},
        {"For a program", "openrun campaign list --json"}},
       "",
       "docs/cli.md#campaigns"},
      {"campaign show",
       {{"How campaign 1 stands", "openrun campaign show 1"}, {"For a program", "openrun campaign show 1 --json"}},
       "",
       "docs/cli.md#campaigns"},
      {"campaign update",
       {{"Another name, and an end", "openrun campaign update 1 --name \"Spring sale, last days\" --ends-at +72h"},
        {"No end any more", "openrun campaign update 1 --ends-at never"},
        {"Start and policy change only before the first coupon", "openrun campaign update 2 --max-per-user 2"}},
       undecided_exits,
       "docs/cli.md#campaigns"},
      {"campaign pause",
       {{"Give nothing until it is resumed", "openrun campaign pause 1"}},
       undecided_exits,
       "docs/cli.md#campaigns"},
      {"campaign resume", {{"Go on", "openrun campaign resume 1"}}, undecided_exits, "docs/cli.md#campaigns"},
      {"campaign add-stock",
       {{"Fifty more", "openrun campaign add-stock 1 50"},
        {"Ten fewer; never below what is issued", "openrun campaign add-stock 1 -10"}},
       undecided_exits,
       "docs/cli.md#campaigns"},
      {"campaign history",
       {{"Who changed what, with the campaign before and after it", "openrun campaign history 1"}},
       "",
       "docs/operations.md#proof-did-everybody-get-what-we-promised"},
      {"campaign export",
       {{"All coupons as CSV; the digest is told on stderr", "openrun campaign export 1 --output 1.csv"},
        {"As JSON with the digest inside", "openrun campaign export 1 --json --output 1.json"}},
       "",
       "docs/cli.md#campaigns"},
      {"campaign close",
       {{"Final; asks first on a terminal", "openrun campaign close 2"},
        {"In a script", "openrun campaign close 2 --yes"}},
       undecided_exits,
       "docs/cli.md#campaigns"}};
  return lessons;
}

const std::vector<Lesson>& coupon_lessons() {
  static const std::vector<Lesson> lessons{
      {"coupon list",
       {{"The first ten of campaign 1", "openrun coupon list 1 --limit 10"},
        {"Those behind sequence 10", "openrun coupon list 1 --after 10"}},
       "",
       "docs/cli.md#coupons-users-receipts"},
      {"coupon show",
       {{"Whose is it, and was it used?", "openrun coupon show 1A2B-3C4D-5E6F-7"}},
       "0 shown, 1 there is no such coupon or it could not be asked, 2 wrong usage or configuration.",
       "docs/cli.md#coupons-users-receipts"},
      {"coupon redeem",
       {{"At the counter", "openrun coupon redeem 1A2B-3C4D-5E6F-7"},
        {"Only if it is kim's, and safe to repeat",
         "openrun coupon redeem 1A2B-3C4D-5E6F-7 --user kim --idempotency-key sale-4711"}},
       "0 redeemed, 1 it was used before, has expired or does not exist, 2 wrong usage or configuration.",
       "docs/cli.md#coupons-users-receipts"},
      {"user coupons",
       {{"All that kim holds", "openrun user coupons kim"}, {"For a program", "openrun user coupons kim --json"}},
       "",
       "docs/cli.md#coupons-users-receipts"},
      {"request show",
       {{"What the holder of this receipt is told", "openrun request show AQABgAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
       "0 shown, 1 there is no such receipt or its outcome is no longer kept, 2 wrong usage or configuration.",
       "docs/cli.md#coupons-users-receipts"},
      {"dispatch",
       {{"The limits of now", "openrun dispatch"},
        {"At most 500 decisions a second in each partition", "openrun dispatch 500"},
        {"Partition 0 slower than the others", "openrun dispatch 100 --partition 0"},
        {"As fast as possible again", "openrun dispatch 0"}},
       "",
       "docs/cli.md#dispatch"}};
  return lessons;
}

const std::vector<Lesson>& proof_lessons() {
  static const std::vector<Lesson> lessons{
      {"why",
       {{"Every request of kim in campaign 1, to be read aloud", "openrun why --campaign 1 --user kim"},
        {"For a program", "openrun why --campaign 1 --user kim --json"}},
       "",
       "docs/operations.md#proof-did-everybody-get-what-we-promised"},
      {"audit",
       {{"What Postgres holds, against the promises", "openrun audit"},
        {"And everything decided once more from the log", "openrun audit --deep"},
        {"Keep the report", "openrun audit --deep --report audit.json"},
        {"Save the state today, to begin there next time", "openrun audit --deep --save-snapshot monday.states"}},
       "0 clean, 1 not clean or it could not be read, 2 wrong usage or configuration.",
       "docs/operations.md#proof-did-everybody-get-what-we-promised"},
      {"dlq list",
       {{"All, oldest first", "openrun dlq list"},
        {"Open ones of the last two hours", "openrun dlq list --state open --since 2h"},
        {"In a range of offsets", "openrun dlq list --partition 0 --offsets 10-20"}},
       "",
       "docs/operations.md#dead-letters"},
      {"dlq show",
       {{"By its place", "openrun dlq show 0:17"}},
       "0 shown, 1 there is no such dead letter, 2 wrong usage or configuration.",
       "docs/operations.md#dead-letters"},
      {"dlq stats", {{"How bad is it?", "openrun dlq stats"}}, "", "docs/operations.md#dead-letters"},
      {"dlq export",
       {{"To look at, or to repair", "openrun dlq export --reason UNDECODABLE --file bad.jsonl"}},
       "",
       "docs/operations.md#dead-letters"},
      {"dlq replay",
       {{"The plan: how many, and what is left out", "openrun dlq replay --campaign 1"},
        {"Do it, at most 200 a second", "openrun dlq replay --campaign 1 --rate 200 --execute"},
        {"Only what was never replayed before", "openrun dlq replay --max-replays 1 --max 100 --execute"}},
       plan_exits,
       "docs/operations.md#dead-letters"},
      {"dlq discard",
       {{"The plan", "openrun dlq discard --reason UNDECODABLE"},
        {"Give them up", "openrun dlq discard --reason UNDECODABLE --execute"}},
       plan_exits,
       "docs/operations.md#dead-letters"},
      {"dlq accept",
       {{"The issuer of partition 0 stopped before so many", "openrun dlq accept --partition 0 --offsets 51-101"}},
       "",
       "docs/runbooks/bulk-dead-letters.md"}};
  return lessons;
}

const std::vector<Lesson>& other_lessons() {
  static const std::vector<Lesson> lessons{
      {"keys init",
       {{"Once; then keep a copy in a safe place", "openrun keys init --file new-keys.yaml"}},
       "",
       "docs/operations.md#setting-up"},
      {"keys rotate",
       {{"Then restart the gateways", "openrun keys rotate --file new-keys.yaml"}},
       "",
       "docs/operations.md#setting-up"},
      {"keys show",
       {{"The keys of the configuration", "openrun keys show"},
        {"Those of a file", "openrun keys show --file new-keys.yaml"}},
       "",
       "docs/operations.md#setting-up"},
      {"migrate", {{"Before the daemons of a new version", "openrun migrate"}}, "", "docs/operations.md#setting-up"},
      {"topics create",
       {{"Once, and after kafka.partitions was raised", "openrun topics create"}},
       "0 all is as it must be, 1 something is not, 2 wrong usage or configuration.",
       "docs/operations.md#setting-up"},
      {"topics check",
       {{"Says what is wrong, and the command that sets it right", "openrun topics check"}},
       "0 all is as it must be, 1 something is not, 2 wrong usage or configuration.",
       "docs/operations.md#setting-up"},
      {"load",
       {{"A thousand users, a hundred coupons", "openrun load --create 100 --users 1000"},
        {"Everybody clicks twice at the opening, in 2 seconds",
         "openrun load --create 100 --users 500 --opens-in 2 --at-start --double-click"},
        {"300 requests a second for 3 seconds, then polls",
         "openrun load --create 100 --users 100000 --rate 300 --send-for 3 --mode poll"}},
       "0 exact, 1 not exact or it could not run, 2 wrong usage or configuration.",
       "docs/cli.md#load"},
      {"plan",
       {{"A million users in ten seconds", "openrun plan --users 1000000 --seconds 10"},
        {"Eight campaigns at once, on cores that are twice as fast",
         "openrun plan --users 1000000 --seconds 10 --campaigns 8 --speed 2"}},
       "",
       "docs/capacity.md"},
      {"check",
       {{"Everything but the campaigns", "openrun check"},
        {"With the campaigns of the event, and as many issuers as planned", "openrun check --campaign 1 --issuers 1"},
        {"For a program", "openrun check --json"}},
       "0 nothing is WRONG, 1 something is, 2 wrong usage or configuration.",
       "docs/before-an-event.md"},
      {"help",
       {{"All commands", "openrun help"},
        {"One of them", "openrun help campaign create"},
        {"The whole tree, for programs", "openrun help --json"}},
       "",
       "docs/cli.md"},
      {"completion",
       {{"Into ~/.bashrc goes: source <(openrun completion bash)", "openrun completion bash"},
        {"Into ~/.zshrc, behind compinit: source <(openrun completion zsh)", "openrun completion zsh"},
        {"Once: openrun completion fish > ~/.config/fish/completions/openrun.fish", "openrun completion fish"}},
       "",
       "docs/cli.md#completion"}};
  return lessons;
}

}  // namespace

std::span<const Lesson> lessons() {
  static const std::vector<Lesson> all = [] {
    std::vector<Lesson> together;
    for (const auto* part : {&campaign_lessons(), &coupon_lessons(), &proof_lessons(), &other_lessons()}) {
      together.insert(together.end(), part->begin(), part->end());
    }
    return together;
  }();
  return all;
}

}  // namespace openrun::cli
