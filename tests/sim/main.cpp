// openrun-sim: plays one seed, or many, and says what it saw. Exit 0: all went well. 1: a seed failed, or a campaign of
// coverage_seeds_min seeds or more never met some fault or situation. 2: wrong usage.
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "campaign.hpp"

namespace openrun::simulation {
namespace {

constexpr const char* usage =
    "usage: openrun-sim --seed N [--verbose] [--events N]\n"
    "       openrun-sim --seeds FROM-TO [--jobs N] [--failures N] [--events N]\n"
    "\n"
    "  --seed N         one seed; the same seed always plays the same run and prints the same fingerprint\n"
    "  --verbose        with a line for everything that happens\n"
    "  --seeds FROM-TO  all of these\n"
    "  --jobs N         in so many processes (default 2)\n"
    "  --failures N     begin nothing new after so many failed seeds (default 10)\n"
    "  --events N       a seed that needs more events than that is stuck (default 3000000)\n";

struct Arguments {
  CampaignOptions campaign;
  bool one = false;
};

bool number(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool range(std::string_view text, CampaignOptions& campaign) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  return number(text.substr(0, dash), campaign.first) && number(text.substr(dash + 1), campaign.last) &&
         campaign.first >= 1 && campaign.first <= campaign.last;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  bool chosen = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--verbose") {
      arguments.campaign.options.verbose = true;
      continue;
    }
    if (i + 1 >= argc) return std::nullopt;
    const std::string_view value = argv[++i];
    std::uint64_t n = 0;
    if (name == "--seeds") {
      if (!range(value, arguments.campaign)) return std::nullopt;
      chosen = true;
      continue;
    }
    if (!number(value, n) || n == 0) return std::nullopt;
    if (name == "--seed") {
      arguments.campaign.first = arguments.campaign.last = n;
      arguments.one = chosen = true;
    } else if (name == "--jobs") {
      arguments.campaign.jobs = static_cast<std::uint32_t>(n);
    } else if (name == "--failures") {
      arguments.campaign.failures_max = static_cast<std::uint32_t>(n);
    } else if (name == "--events") {
      arguments.campaign.options.events_max = n;
    } else {
      return std::nullopt;
    }
  }
  return chosen ? std::optional(arguments) : std::nullopt;
}

void print_coverage(const Coverage& coverage) {
  std::printf("\nfaults by kind:\n");
  for (std::size_t i = 0; i < fault_count; ++i) {
    std::printf("  %-44s %10" PRIu64 "\n", name_of(static_cast<Fault>(i)).data(), coverage.faults.at(i));
  }
  std::printf("\nsituations:\n");
  for (std::size_t i = 0; i < situation_count; ++i) {
    std::printf("  %-44s %10" PRIu64 "\n", name_of(static_cast<Situation>(i)).data(), coverage.situations.at(i));
  }
}

int run_one(const Arguments& arguments) {
  const Report report = play(arguments.campaign.first, arguments.campaign.options);
  std::printf("seed %" PRIu64 ": %" PRIu64 " events, %" PRIu64 " receipts, %" PRIu64
              " faults, %.1f s of simulated time, "
              "fingerprint %016" PRIx64 "\n",
              report.seed, report.events, report.requests, report.coverage.faults_total(),
              static_cast<double>(report.simulated_us) / 1e6, report.fingerprint);
  for (const std::string& violation : report.violations) std::printf("violation: %s\n", violation.c_str());
  return report.violations.empty() ? 0 : 1;
}

int run_many(const Arguments& arguments) {
  const Totals totals = play_all(arguments.campaign);
  print_coverage(totals.coverage);
  std::printf("\n%" PRIu64 " seeds, %" PRIu64 " faults survived, %" PRIu64 " receipts, %" PRIu64 " events\n",
              totals.seeds, totals.coverage.faults_total(), totals.requests, totals.events);
  std::printf("%.1f s on the wall: %.0f seeds/s, %.0f events/s; %.0f s of simulated time; fingerprint %016" PRIx64 "\n",
              totals.wall_s, static_cast<double>(totals.seeds) / totals.wall_s,
              static_cast<double>(totals.events) / totals.wall_s, static_cast<double>(totals.simulated_us) / 1e6,
              totals.fingerprints);
  for (const Failure& failure : totals.failures) {
    std::printf("failed: seed %" PRIu64 ": %s\n        again with: openrun-sim --seed %" PRIu64 " --verbose\n",
                failure.seed, failure.what.c_str(), failure.seed);
  }
  for (const std::string& gap : totals.gaps) std::printf("never occurred: %s\n", gap.c_str());
  std::printf("%" PRIu64 " passed, %zu failed\n", totals.seeds - totals.failures.size(),
              totals.failures.size() + totals.gaps.size());
  return totals.passed() ? 0 : 1;
}

}  // namespace
}  // namespace openrun::simulation

int main(int argc, char** argv) {
  using namespace openrun::simulation;
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::fputs(usage, stderr);
    return 2;
  }
  return arguments->one ? run_one(*arguments) : run_many(*arguments);
}
