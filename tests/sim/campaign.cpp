#include "campaign.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <new>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>

namespace openrun::simulation {
namespace {

#ifdef OPENRUN_SANITIZED
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif
constexpr std::size_t jobs_max = 64;
constexpr std::size_t failures_kept = 64;
constexpr std::size_t text_bytes = 400;

// What parent and workers share.
struct Shared {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> failed{0};
  std::array<std::atomic<std::uint64_t>, jobs_max> playing{};  // by worker: its seed, 0 where none
  std::atomic<std::uint64_t> seeds{0};
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> simulated_us{0};
  std::atomic<std::uint64_t> fingerprints{0};
  std::array<std::atomic<std::uint64_t>, fault_count> faults{};
  std::array<std::atomic<std::uint64_t>, situation_count> situations{};
  struct Text {
    std::uint64_t seed = 0;
    std::array<char, text_bytes> what{};
  };
  std::array<Text, failures_kept> texts{};

  void fail(std::uint64_t seed, const std::string& what) {
    const std::uint64_t index = failed++;
    if (index >= failures_kept) return;
    Text& text = texts.at(index);
    text.seed = seed;
    std::strncpy(text.what.data(), what.c_str(), text_bytes - 1);
  }
  void add(const Report& report) {
    ++seeds;
    events += report.events;
    requests += report.requests;
    simulated_us += static_cast<std::uint64_t>(report.simulated_us);
    fingerprints ^= report.fingerprint;
    for (std::size_t i = 0; i < fault_count; ++i) faults.at(i) += report.coverage.faults.at(i);
    for (std::size_t i = 0; i < situation_count; ++i) situations.at(i) += report.coverage.situations.at(i);
  }
};

// Beyond it `new` throws, and the process ends: better than the machine.
void bound_memory(std::uint64_t bytes) {
  if (is_sanitized) return;
  const rlimit limit{bytes, bytes};
  OPENRUN_ASSERT(setrlimit(RLIMIT_AS, &limit) == 0, "the memory cannot be bounded");
}

// noexcept: what a seed throws ends this process, whoever has called.
[[noreturn]] void work(Shared& shared, std::size_t worker, const CampaignOptions& options) noexcept {
  bound_memory(options.memory_bytes_max);
  while (shared.failed < options.failures_max) {
    const std::uint64_t seed = shared.next++;
    if (seed > options.last) break;
    shared.playing.at(worker) = seed;
    alarm(options.seed_s_max);
    const Report report = options.player(seed, options.options);
    alarm(0);
    if (!report.violations.empty()) shared.fail(seed, report.violations.front());
    shared.add(report);
    shared.playing.at(worker) = 0;
  }
  std::_Exit(0);
}

std::string ending_of(int status, const CampaignOptions& options) {
  if (!WIFSIGNALED(status)) return "its process ended with " + std::to_string(WEXITSTATUS(status));
  if (WTERMSIG(status) == SIGALRM) return "it hangs: " + std::to_string(options.seed_s_max) + " s and no end";
  return std::string("its process died: ") + strsignal(WTERMSIG(status)) + " (a broken assertion says which, above)";
}

void start_worker(std::map<pid_t, std::size_t>& workers, Shared& shared, std::size_t worker,
                  const CampaignOptions& options) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  OPENRUN_ASSERT(pid >= 0, "no further process can be started");
  if (pid == 0) work(shared, worker, options);
  workers.emplace(pid, worker);
}

std::vector<std::string> gaps_of(const Coverage& coverage) {
  std::vector<std::string> gaps;
  for (std::size_t i = 0; i < fault_count; ++i) {
    if (coverage.faults.at(i) == 0) gaps.push_back("the fault " + std::string(name_of(static_cast<Fault>(i))));
  }
  for (std::size_t i = 0; i < situation_count; ++i) {
    if (coverage.situations.at(i) > 0) continue;
    gaps.push_back("the situation " + std::string(name_of(static_cast<Situation>(i))));
  }
  return gaps;
}

}  // namespace

Totals play_all(const CampaignOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  OPENRUN_ASSERT(memory != MAP_FAILED, "no shared memory");
  Shared& shared = *new (memory) Shared;
  shared.next = options.first;
  std::map<pid_t, std::size_t> workers;
  const std::size_t jobs = std::clamp<std::size_t>(options.jobs, 1, jobs_max);
  for (std::size_t worker = 0; worker < jobs; ++worker) start_worker(workers, shared, worker, options);
  while (!workers.empty()) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    const auto found = workers.find(pid);
    if (found == workers.end()) continue;
    const std::size_t worker = found->second;
    workers.erase(found);
    const std::uint64_t seed = shared.playing.at(worker).exchange(0);
    if (seed == 0) {
      OPENRUN_ASSERT(status == 0, "a process ended between two seeds, so not all were played");
      continue;
    }
    shared.fail(seed, ending_of(status, options));
    ++shared.seeds;
    start_worker(workers, shared, worker, options);
  }

  Totals totals;
  for (std::size_t i = 0; i < fault_count; ++i) totals.coverage.faults.at(i) = shared.faults.at(i);
  for (std::size_t i = 0; i < situation_count; ++i) totals.coverage.situations.at(i) = shared.situations.at(i);
  totals.seeds = shared.seeds;
  totals.events = shared.events;
  totals.requests = shared.requests;
  totals.simulated_us = shared.simulated_us;
  totals.fingerprints = shared.fingerprints;
  const std::uint64_t kept = std::min<std::uint64_t>(shared.failed, failures_kept);
  for (std::size_t i = 0; i < kept; ++i)
    totals.failures.push_back({shared.texts.at(i).seed, shared.texts.at(i).what.data()});
  std::ranges::sort(totals.failures, {}, &Failure::seed);
  if (totals.seeds >= coverage_seeds_min) totals.gaps = gaps_of(totals.coverage);
  totals.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  munmap(memory, sizeof(Shared));
  return totals;
}

}  // namespace openrun::simulation
