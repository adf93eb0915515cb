#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include "world.hpp"
int main(int argc, char** argv) {
  using namespace openrun::simulation;
  const std::uint64_t a = std::strtoull(argv[1], nullptr, 10);
  const std::uint64_t b = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : a;
  Coverage all; int bad = 0;
  for (std::uint64_t s = a; s <= b; ++s) {
    const Report r = play(s, {argc > 3, 3'000'000});
    all.add(r.coverage);
    if (a == b || !r.violations.empty())
    std::printf("seed %" PRIu64 ": events %" PRIu64 " receipts %" PRIu64 " simulated %.1f s faults %" PRIu64 " fingerprint %016" PRIx64 "\n", s, r.events, r.requests, double(r.simulated_us)/1e6, r.coverage.faults_total(), r.fingerprint);
    for (auto& v : r.violations) std::printf("  VIOLATION %s\n", v.c_str());
    bad += !r.violations.empty();
    if (bad > 5) break;
  }
  for (std::size_t i = 0; i < fault_count; ++i) std::printf("%s=%" PRIu64 " ", std::string(name_of(Fault(i))).c_str(), all.faults[i]);
  std::printf("\n");
  for (std::size_t i = 0; i < situation_count; ++i) std::printf("%s=%" PRIu64 " ", std::string(name_of(Situation(i))).c_str(), all.situations[i]);
  std::printf("\n%d bad\n", bad);
}
