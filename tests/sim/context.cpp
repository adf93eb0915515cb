#include "context.hpp"

#include <numeric>

namespace openrun::simulation {
namespace {

std::vector<std::uint8_t> key_of(std::size_t bytes, std::uint8_t first) {
  std::vector<std::uint8_t> key(bytes);
  std::iota(key.begin(), key.end(), first);
  return key;
}

}  // namespace

const Keys& Keys::get() {
  static const Keys keys{crypto::ReceiptSigner({{1, key_of(32, 1)}}), crypto::CouponCodes(key_of(32, 2)),
                         crypto::UserHash(key_of(16, 3))};
  return keys;
}

void Fingerprint::mix(std::string_view text) {
  std::uint64_t word = text.size();
  unsigned filled = 0;
  for (const char byte : text) {
    word = (word << 8U) | static_cast<unsigned char>(byte);
    if (++filled % 7 == 0) mix(word);
  }
  mix(word);
}

Context::Context(std::uint64_t seed, bool verbose_)
    : random(seed),
      plan(random),
      broker(scheduler, plan.partitions),
      database(scheduler, random.between(-300, 300)),
      stream(scheduler, [this] { return told(); }),
      verbose(verbose_) {}

void Context::violate(const std::string& what) {
  constexpr std::size_t violations_max = 20;
  if (violations.size() < violations_max) violations.push_back(what);
  trace("VIOLATION", [&] { return what; });
}

void Context::print(const char* who, const std::string& what) const {
  std::fprintf(stdout, "%11.3f ms  %-12s %s\n", static_cast<double>(scheduler.now_us()) / 1e3, who, what.c_str());
}

bool Context::strikes(Fault fault) {
  if (!faults_on || !random.chance(plan.rate(fault))) return false;
  coverage.count(fault);
  trace("fault", [&] { return std::string(name_of(fault)); });
  return true;
}

std::int64_t Context::store_us() {
  const bool slow = scheduler.now_us() < store_slow_until_us;
  return slow ? random.between(100'000, 3'000'000) : random.duration(plan.store_us, plan.store_us * 40);
}

sim::CallFate Context::store_call() {
  if (strikes(Fault::store_call_failed)) return sim::CallFate::refused;
  if (strikes(Fault::store_answer_lost)) return sim::CallFate::answer_lost;
  return sim::CallFate::clean;
}

sim::ProduceFate Context::produce() {
  sim::ProduceFate fate;
  fate.arrives_after_us = network_us();
  fate.acknowledged_after_us = network_us();
  if (strikes(Fault::produce_refused)) {
    fate.refused = true;
    return fate;
  }
  fate.dropped = strikes(Fault::produce_lost);
  fate.told = !strikes(Fault::produce_unknown);
  if (!fate.told && random.chance(400)) fate.dropped = true;
  fate.told_twice = strikes(Fault::delivery_twice);
  fate.stored_twice = !fate.dropped && strikes(Fault::stored_twice);
  if (strikes(Fault::produce_delayed)) fate.acknowledged_after_us += random.between(50'000, 4'000'000);
  return fate;
}

sim::StreamFate Context::told() {
  sim::StreamFate fate;
  fate.arrives_after_us = network_us();
  fate.cut = strikes(Fault::told_lost);
  if (fate.cut) return fate;
  if (strikes(Fault::told_late)) fate.arrives_after_us += random.between(20'000, 4'000'000);
  fate.twice = strikes(Fault::told_twice);
  return fate;
}

}  // namespace openrun::simulation
