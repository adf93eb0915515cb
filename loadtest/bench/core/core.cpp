// What the pure core and the codes cost by themselves, without log, store or network: decisions a second, bytes a
// claimed user, codes a second. openrun-bench-core --benchmark_format=json (options of Google Benchmark)
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/issuance/machine.hpp>

namespace openrun {
namespace {

constexpr CampaignId campaign{1};
constexpr Timestamp noon{1'800'000'000'000};

std::vector<std::string> users_of(std::int64_t count) {
  std::vector<std::string> users;
  users.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) users.push_back("user-" + std::to_string(i));
  return users;
}

// A machine with one open campaign of this stock.
issuance::Machine machine_with(std::int64_t stock) {
  issuance::PartitionSnapshot empty{Partition{0}, Offset{0}, noon, issuance::decision_version_supported, {}, {}};
  issuance::Machine machine(std::move(empty), 1);
  issuance::CampaignTerms terms;
  terms.name = "bench";
  terms.stock = static_cast<std::uint32_t>(stock);
  terms.starts_at = noon;
  machine.apply({Offset{0}, noon, issuance::CampaignCommand{campaign, "key", issuance::CreateCampaign{terms}}});
  return machine;
}

// Gives every user's request to the machine; how many of them had this outcome.
std::int64_t request(issuance::Machine& machine, const std::vector<std::string>& users, issuance::Outcome outcome) {
  std::int64_t offset = machine.next_offset().value;
  std::int64_t count = 0;
  for (const std::string& user : users) {
    const auto decision = machine.apply({Offset{offset++}, noon, issuance::IssueRequested{campaign, user, {}}});
    count += decision.outcome == outcome ? 1 : 0;
  }
  return count;
}

void check_all(benchmark::State& state, std::int64_t count) {
  if (count != state.range(0)) state.SkipWithError("another outcome than the one that is measured");
}

void issue(benchmark::State& state) {
  const std::vector<std::string> users = users_of(state.range(0));
  std::size_t bytes = 0;
  for ([[maybe_unused]] auto step : state) {
    state.PauseTiming();
    issuance::Machine machine = machine_with(state.range(0));
    state.ResumeTiming();
    check_all(state, request(machine, users, issuance::Outcome::issued));
    state.PauseTiming();
    bytes = machine.detail(campaign)->claims.memory_bytes();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_per_user"] = static_cast<double>(bytes) / static_cast<double>(state.range(0));
}

void refuse_sold_out(benchmark::State& state) {
  const std::vector<std::string> users = users_of(state.range(0));
  issuance::Machine machine = machine_with(1);
  request(machine, {"winner"}, issuance::Outcome::issued);
  for ([[maybe_unused]] auto step : state) check_all(state, request(machine, users, issuance::Outcome::sold_out));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void show_again(benchmark::State& state) {
  const std::vector<std::string> users = users_of(state.range(0));
  issuance::Machine machine = machine_with(state.range(0));
  request(machine, users, issuance::Outcome::issued);
  for ([[maybe_unused]] auto step : state) check_all(state, request(machine, users, issuance::Outcome::already_issued));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <crypto::CodeAlphabet alphabet>
void encode(benchmark::State& state) {
  const std::vector<std::uint8_t> key(32, 7);
  const crypto::CouponCodes codes(key);
  std::uint32_t sequence = 0;
  for ([[maybe_unused]] auto step : state)
    benchmark::DoNotOptimize(codes.encode({campaign, Sequence{++sequence}}, alphabet));
  state.SetItemsProcessed(state.iterations());
}

// As an issuer makes the codes of a batch, by the piece.
template <crypto::CodeAlphabet alphabet>
void encode_many(benchmark::State& state) {
  const std::vector<std::uint8_t> key(32, 7);
  const crypto::CouponCodes codes(key);
  std::vector<crypto::CouponKey> keys(static_cast<std::size_t>(state.range(0)), {campaign, Sequence{0}});
  std::uint32_t sequence = 0;
  for ([[maybe_unused]] auto step : state) {
    for (auto& one : keys) one.sequence = Sequence{++sequence};
    std::vector<std::string> made(keys.size());
    codes.encode(keys, alphabet, made);
    benchmark::DoNotOptimize(made.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decode(benchmark::State& state) {
  const std::vector<std::uint8_t> key(32, 7);
  const crypto::CouponCodes codes(key);
  const std::string code = codes.encode({campaign, Sequence{42}}, crypto::CodeAlphabet::hangul);
  for ([[maybe_unused]] auto step : state) benchmark::DoNotOptimize(codes.decode(code));
  state.SetItemsProcessed(state.iterations());
}

void chain(benchmark::State& state) {
  Digest head = crypto::chain_start(campaign);
  const crypto::ChainLink link{Sequence{1}, Partition{0}, Offset{1}, noon, std::nullopt, "user-1", "", "0123456789"};
  for ([[maybe_unused]] auto step : state) head = crypto::chain_next(head, link);
  benchmark::DoNotOptimize(head);
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(issue)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(refuse_sold_out)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(show_again)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(encode<crypto::CodeAlphabet::hangul>)->Name("encode_hangul");
BENCHMARK(encode<crypto::CodeAlphabet::latin>)->Name("encode_latin");
BENCHMARK(encode_many<crypto::CodeAlphabet::hangul>)->Name("encode_hangul_many")->Arg(8)->Arg(64)->Arg(256);
BENCHMARK(encode_many<crypto::CodeAlphabet::latin>)->Name("encode_latin_many")->Arg(8)->Arg(64)->Arg(256);
BENCHMARK(decode)->Name("decode_hangul");
BENCHMARK(chain)->Name("chain_link");

}  // namespace
}  // namespace openrun

BENCHMARK_MAIN();
