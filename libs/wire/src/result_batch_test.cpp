#include <random>
#include <string>

#include <gtest/gtest.h>

#include <openrun/v1/results.pb.h>
#include <openrun/wire/result_batch.hpp>

namespace openrun::wire {
namespace {

using issuance::Campaign;
using issuance::Decision;
using issuance::Outcome;

Decision decision(std::int64_t offset, Outcome outcome, std::uint32_t campaign, std::uint32_t sequence = 0,
                  std::int64_t time = 1'700'000'000'000) {
  return {Offset{offset},  outcome,      CampaignId{campaign}, Sequence{sequence},
          Timestamp{time}, std::nullopt, std::nullopt};
}

Campaign a_campaign(std::uint32_t id) {
  Campaign campaign;
  campaign.id = CampaignId{id};
  campaign.terms.name = "name";
  campaign.terms.description = "line\nline";
  campaign.terms.stock = 10;
  campaign.terms.starts_at = Timestamp{1'000};
  campaign.terms.ends_at = Timestamp{2'000};
  campaign.terms.policy.max_per_user = 2;
  campaign.issued = 4;
  campaign.paused = true;
  campaign.created_at = Timestamp{500};
  campaign.updated_at = Timestamp{600};
  campaign.terms_offset = Offset{70};
  return campaign;
}

TEST(ResultBatch, HoldsOneEntryPerOffsetWithWhatItsOutcomeCarries) {
  ResultBatchBuilder builder(Partition{3}, Epoch{9}, Offset{100});
  builder.add(decision(100, Outcome::issued, 7, 1, 5'000), 0xA0, 0x1111, nullptr);
  builder.add(decision(101, Outcome::sold_out, 7), 0xA1, 0, nullptr);
  builder.add(decision(104, Outcome::already_issued, 8, 3, 4'000), 0xA4, 0, nullptr);
  builder.add(decision(105, Outcome::issued_before, 8, 4, 6'000), 0xA5, 0, nullptr);
  builder.add(decision(106, Outcome::dead_lettered, 0), 0xA6, 0, nullptr);
  EXPECT_EQ(builder.records(), 5U);
  const auto batch = decode_result_batch(builder.finish({a_campaign(7)}, Timestamp{9'000}));
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->partition, Partition{3});
  EXPECT_EQ(batch->epoch, Epoch{9});
  EXPECT_EQ(batch->first_offset, Offset{100});
  EXPECT_EQ(batch->last_offset, Offset{106});
  EXPECT_EQ(batch->log_time, Timestamp{9'000});
  ASSERT_EQ(batch->entries.size(), 7U);
  const auto& e = batch->entries;
  EXPECT_EQ(e[0].offset, Offset{100});
  EXPECT_EQ(e[0].outcome, Outcome::issued);
  EXPECT_EQ(e[0].nonce, 0xA0U);
  EXPECT_EQ(e[0].campaign, CampaignId{7});
  EXPECT_EQ(e[0].sequence, Sequence{1});
  EXPECT_EQ(e[0].issued_at, Timestamp{5'000});
  EXPECT_EQ(e[0].winner, 0x1111U);
  EXPECT_EQ(e[1].outcome, Outcome::sold_out);
  EXPECT_EQ(e[1].sequence, Sequence{0});
  EXPECT_EQ(e[2].outcome, Outcome::none);
  EXPECT_EQ(e[2].campaign, CampaignId{0});
  EXPECT_EQ(e[3].outcome, Outcome::none);
  EXPECT_EQ(e[4].issued_at, Timestamp{4'000}) << "an older coupon: the difference is below zero";
  EXPECT_EQ(e[4].winner, 0U);
  EXPECT_EQ(e[5].sequence, Sequence{4});
  EXPECT_EQ(e[5].issued_at, Timestamp{6'000});
  EXPECT_EQ(e[6].outcome, Outcome::dead_lettered);
  EXPECT_EQ(e[6].nonce, 0xA6U);
}

TEST(ResultBatch, DigestsAreAppendedOneForEachCampaign) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{0});
  builder.add(decision(0, Outcome::sold_out, 7), 1, 0, nullptr);
  std::string payload = builder.finish({a_campaign(7), a_campaign(8)}, Timestamp{1});
  const auto without = decode_result_batch(payload);
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->campaigns[0].digest);
  std::string with_one = payload;
  append_digests(with_one, std::vector{Digest{1}});
  EXPECT_FALSE(decode_result_batch(with_one)) << "two campaigns, one digest";
  append_digests(payload, std::vector{Digest{1}, Digest{2}});
  const auto with = decode_result_batch(payload);
  ASSERT_TRUE(with) << with.error().message;
  EXPECT_EQ(with->campaigns[0].digest, Digest{1});
  EXPECT_EQ(with->campaigns[1].digest, Digest{2});
  openrun::v1::ResultBatch message;
  ASSERT_TRUE(message.ParseFromString(payload));
  EXPECT_EQ(message.digests_size(), 2);
  message.set_digests(0, "short");
  EXPECT_FALSE(decode_result_batch(message.SerializeAsString()));
}

TraceContext a_trace(std::uint8_t number) {
  TraceContext trace;
  trace.trace_id.fill(number);
  trace.parent_id.fill(static_cast<std::uint8_t>(number + 1));
  trace.flags = 1;
  return trace;
}

TEST(ResultBatch, NamesTheTracesOfTheRequestsThatCameWithOne) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{100});
  builder.add(decision(100, Outcome::sold_out, 7), 1, 0, nullptr);
  builder.trace(a_trace(3));
  builder.add(decision(101, Outcome::sold_out, 7), 2, 0, nullptr);
  builder.add(decision(105, Outcome::ended, 8), 3, 0, nullptr);
  builder.trace(a_trace(5));
  const auto batch = decode_result_batch(builder.finish({}, Timestamp{1}));
  ASSERT_TRUE(batch) << batch.error().message;
  ASSERT_EQ(batch->traces.size(), 2U);
  EXPECT_EQ(batch->traces[0].offset, Offset{100});
  EXPECT_EQ(batch->traces[0].trace, a_trace(3));
  EXPECT_EQ(batch->traces[1].offset, Offset{105});
  EXPECT_EQ(batch->traces[1].trace, a_trace(5));
  EXPECT_EQ(batch->entry(Offset{105}).outcome, Outcome::ended);
}

TEST(ResultBatch, TracesStayWithinItsSizeBound) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{0});
  const auto last = static_cast<std::int64_t>(batch_offsets_max) - 1;
  for (const std::int64_t offset : {std::int64_t{0}, std::int64_t{1}, last - 1, last}) {
    builder.add(decision(offset, Outcome::sold_out, 7), 1, 0, nullptr);
    builder.trace(a_trace(9));
  }
  const std::size_t bound = builder.bytes();
  const std::string payload = builder.finish({}, Timestamp{1});
  EXPECT_LE(payload.size(), bound);
  EXPECT_EQ(decode_result_batch(payload)->traces.size(), 4U);
}

TEST(ResultBatch, TracesThatDoNotFitTheEntriesAreRefused) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{100});
  builder.add(decision(100, Outcome::sold_out, 7), 1, 0, nullptr);
  builder.add(decision(101, Outcome::sold_out, 7), 2, 0, nullptr);
  openrun::v1::ResultBatch plain;
  ASSERT_TRUE(plain.ParseFromString(builder.finish({}, Timestamp{1})));
  std::string one;
  append_trace_context(one, a_trace(1));
  const auto refused = [&](std::vector<std::uint32_t> places, const std::string& traces) {
    openrun::v1::ResultBatch message = plain;
    for (const std::uint32_t place : places) message.add_traced(place);
    message.set_traces(traces);
    return !decode_result_batch(message.SerializeAsString());
  };
  EXPECT_FALSE(refused({1}, one));
  EXPECT_FALSE(refused({0, 1}, one + one));
  EXPECT_TRUE(refused({2}, one)) << "outside the range";
  EXPECT_TRUE(refused({1, 0}, one + one)) << "not ascending";
  EXPECT_TRUE(refused({1, 1}, one + one)) << "two traces of one entry";
  EXPECT_TRUE(refused({0, 1}, one)) << "a trace too few";
  EXPECT_TRUE(refused({0}, one + one)) << "a trace too many";
  EXPECT_TRUE(refused({0}, one.substr(1))) << "half a trace";
  EXPECT_TRUE(refused({0}, std::string(trace_context_bytes, '\0'))) << "a trace without ids";
}

TEST(ResultBatch, TouchedCampaignsShowTheirCounters) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{0});
  builder.add(decision(0, Outcome::sold_out, 7), 1, 0, nullptr);
  Campaign endless = a_campaign(8);
  endless.terms.ends_at.reset();
  const auto batch = decode_result_batch(builder.finish({a_campaign(7), endless}, Timestamp{1}));
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->campaigns.size(), 2U);
  const auto& counters = batch->campaigns[0];
  EXPECT_EQ(counters.campaign, CampaignId{7});
  EXPECT_EQ(counters.stock, 10U);
  EXPECT_EQ(counters.issued, 4U);
  EXPECT_TRUE(counters.paused);
  EXPECT_FALSE(counters.closed);
  EXPECT_EQ(counters.starts_at, Timestamp{1'000});
  EXPECT_EQ(counters.ends_at, std::optional(Timestamp{2'000}));
  EXPECT_EQ(counters.terms_offset, Offset{70});
  EXPECT_FALSE(batch->campaigns[1].ends_at);
}

TEST(ResultBatch, ACommandShowsTheCampaignRightAfterIt) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{0});
  const Campaign after = a_campaign(7);
  builder.add(decision(0, Outcome::command_applied, 7), 1, 0, &after);
  Decision repeated = decision(1, Outcome::command_repeated, 7);
  repeated.first_offset = Offset{0};
  builder.add(repeated, 2, 0, nullptr);
  builder.add(decision(2, Outcome::command_closed, 7), 3, 0, nullptr);
  const auto batch = decode_result_batch(builder.finish({after}, Timestamp{1}));
  ASSERT_TRUE(batch) << batch.error().message;
  ASSERT_EQ(batch->commands.size(), 3U);
  EXPECT_EQ(batch->commands[0].offset, Offset{0});
  EXPECT_EQ(batch->commands[0].outcome, Outcome::command_applied);
  EXPECT_EQ(batch->commands[0].after, std::optional(after));
  EXPECT_EQ(batch->commands[1].first_offset, std::optional(Offset{0}));
  EXPECT_FALSE(batch->commands[1].after);
  EXPECT_EQ(batch->commands[2].outcome, Outcome::command_closed);
}

TEST(ResultBatch, AReplayMovesItsOriginUnlessItWasIgnored) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{10});
  Decision resolved = decision(10, Outcome::issued, 7, 1);
  resolved.origin = Offset{3};
  Decision ignored = decision(11, Outcome::replay_ignored, 7);
  ignored.origin = Offset{3};
  builder.add(resolved, 1, 5, nullptr);
  builder.add(ignored, 2, 0, nullptr);
  const auto batch = decode_result_batch(builder.finish({}, Timestamp{1}));
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->replays.size(), 1U);
  EXPECT_EQ(batch->replays[0].origin, Offset{3});
  EXPECT_EQ(batch->replays[0].offset, Offset{10});
}

TEST(ResultBatch, ABatchSpansABoundedRange) {
  const ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{10});
  EXPECT_FALSE(builder.spans(Offset{9}));
  EXPECT_TRUE(builder.spans(Offset{10}));
  EXPECT_TRUE(builder.spans(Offset{10 + static_cast<std::int64_t>(batch_offsets_max) - 1}));
  EXPECT_FALSE(builder.spans(Offset{10 + static_cast<std::int64_t>(batch_offsets_max)}));
}

TEST(ResultBatch, TheLargestGapIsReadBack) {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{0});
  const auto last = static_cast<std::int64_t>(batch_offsets_max) - 1;
  builder.add(decision(last, Outcome::sold_out, 7), 1, 0, nullptr);
  const auto batch = decode_result_batch(builder.finish({}, Timestamp{1}));
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->entries.size(), batch_offsets_max);
  EXPECT_EQ(batch->entries.back().outcome, Outcome::sold_out);
}

constexpr Outcome request_outcomes[] = {Outcome::issued,      Outcome::issued_before, Outcome::already_issued,
                                        Outcome::not_started, Outcome::sold_out,      Outcome::dead_lettered};

TEST(ResultBatch, RandomBatchesAreReadBackAndStayWithinTheirSizeBound) {
  std::mt19937_64 random(4711);
  for (int round = 0; round < 200; ++round) {
    const auto first = static_cast<std::int64_t>(random() % 1'000'000'000'000);
    ResultBatchBuilder builder(Partition{1}, Epoch{static_cast<std::int64_t>(random() >> 1)}, Offset{first});
    std::vector<Decision> decisions;
    std::vector<std::uint64_t> winners;
    auto offset = first + static_cast<std::int64_t>(random() % 3);
    const auto count = 1 + random() % 300;
    for (std::uint64_t i = 0; i < count; ++i, offset += 1 + static_cast<std::int64_t>(random() % 20 / 18)) {
      const Outcome outcome = request_outcomes[random() % std::size(request_outcomes)];
      Decision one = decision(offset, outcome, 1 + static_cast<std::uint32_t>(random() % 3) * 1'000'000'000);
      one.sequence = Sequence{static_cast<std::uint32_t>(1 + (random() >> (32 + random() % 31)))};
      if (random() % 4 == 0) one.time = Timestamp{static_cast<std::int64_t>(random() % 253'402'300'799'999)};
      winners.push_back(random());
      decisions.push_back(one);
      builder.add(one, static_cast<std::uint32_t>(i), winners.back(), nullptr);
    }
    const std::size_t bound = builder.bytes();
    const std::string payload = builder.finish({}, Timestamp{5});
    ASSERT_LE(payload.size(), bound);
    const auto batch = decode_result_batch(payload);
    ASSERT_TRUE(batch) << batch.error().message;
    ASSERT_EQ(batch->entries.size(), static_cast<std::size_t>(decisions.back().offset.value - first + 1));
    std::size_t next = 0;
    for (const OutcomeEntry& entry : batch->entries) {
      if (entry.outcome == Outcome::none) continue;
      const Decision& one = decisions[next];
      const bool coupon = issuance::is_issued(one.outcome) || one.outcome == Outcome::already_issued;
      ASSERT_EQ(entry.offset, one.offset);
      ASSERT_EQ(entry.outcome, one.outcome);
      ASSERT_EQ(entry.campaign, one.campaign);
      ASSERT_EQ(entry.nonce, next);
      ASSERT_EQ(entry.sequence, coupon ? one.sequence : Sequence{0});
      ASSERT_EQ(entry.issued_at, coupon ? one.time : Timestamp{0});
      ASSERT_EQ(entry.winner, one.outcome == Outcome::issued ? winners[next] : 0);
      ++next;
    }
    ASSERT_EQ(next, decisions.size());
  }
}

openrun::v1::ResultBatch a_message() {
  ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{10});
  const Campaign after = a_campaign(7);
  builder.add(decision(10, Outcome::issued, 7, 1), 1, 5, nullptr);
  builder.add(decision(11, Outcome::already_issued, 7, 1), 2, 0, nullptr);
  builder.add(decision(12, Outcome::command_applied, 7), 3, 0, &after);
  Decision replay = decision(13, Outcome::sold_out, 8);
  replay.origin = Offset{3};
  builder.add(replay, 4, 0, nullptr);
  openrun::v1::ResultBatch message;
  EXPECT_TRUE(message.ParseFromString(builder.finish({after}, Timestamp{77})));
  return message;
}

struct Inconsistency {
  const char* what;
  void (*write)(openrun::v1::ResultBatch&);
};

const Inconsistency inconsistencies[] = {
    {"a kind too few", [](auto& m) { m.mutable_kinds()->pop_back(); }},
    {"a kind too many", [](auto& m) { m.mutable_kinds()->push_back(17); }},
    {"an unknown kind", [](auto& m) { (*m.mutable_kinds())[3] = 99; }},
    {"a coupon without its numbers", [](auto& m) { (*m.mutable_kinds())[3] = 1; }},
    {"numbers without their coupon", [](auto& m) { (*m.mutable_kinds())[1] = 17; }},
    {"a winner without its coupon", [](auto& m) { m.add_winners(1); }},
    {"a nonce too few", [](auto& m) { m.mutable_nonces()->RemoveLast(); }},
    {"a sequence of 0", [](auto& m) { m.set_sequences(0, 0); }},
    {"a time before 1970", [](auto& m) { m.set_issued_at_deltas_ms(0, -1); }},
    {"a time after 9999", [](auto& m) { m.set_issued_at_deltas_ms(0, std::numeric_limits<std::int64_t>::max()); }},
    {"runs too short", [](auto& m) { m.mutable_runs(0)->set_count(1); }},
    {"runs too long", [](auto& m) { m.mutable_runs(0)->set_count(4'000'000'000U); }},
    {"an empty run", [](auto& m) { m.add_runs()->set_campaign_id(1); }},
    {"a run of no campaign", [](auto& m) { m.mutable_runs(0)->set_campaign_id(2'147'483'648U); }},
    {"a coupon of campaign 0", [](auto& m) { m.mutable_runs(0)->set_campaign_id(0); }},
    {"a range that runs back", [](auto& m) { m.set_last_offset(9); }},
    {"a range that is too large", [](auto& m) { m.set_last_offset(std::numeric_limits<std::int64_t>::max()); }},
    {"a range that lies before 0",
     [](auto& m) {
       m.set_first_offset(-4);
       m.set_last_offset(-1);
       m.clear_commands();
       m.clear_replays();
     }},
    {"a range that begins before 0", [](auto& m) { m.set_first_offset(-1); }},
    {"an epoch below 0", [](auto& m) { m.set_epoch(-1); }},
    {"a partition below 0", [](auto& m) { m.set_partition(-1); }},
    {"a log time below 0", [](auto& m) { m.set_log_time_ms(-1); }},
    {"more issued than stock", [](auto& m) { m.mutable_campaigns(0)->set_issued(11); }},
    {"counters of no campaign", [](auto& m) { m.mutable_campaigns(0)->set_campaign_id(0); }},
    {"a command outside the range", [](auto& m) { m.mutable_commands(0)->set_offset(14); }},
    {"a command of another outcome", [](auto& m) { m.mutable_commands(0)->set_outcome(41); }},
    {"a command that is none", [](auto& m) { m.mutable_commands(0)->set_outcome(17); }},
    {"a command told twice", [](auto& m) { m.add_commands()->CopyFrom(m.commands(0)); }},
    {"a command of another campaign", [](auto& m) { m.mutable_commands(0)->mutable_after()->set_campaign_id(9); }},
    {"a command without its entry's campaign",
     [](auto& m) { m.mutable_commands(0)->mutable_after()->set_terms("\xFF"); }},
    {"a replay of itself", [](auto& m) { m.mutable_replays(0)->set_origin_offset(13); }},
    {"a replay outside the range", [](auto& m) { m.mutable_replays(0)->set_offset(14); }},
};

TEST(ResultBatch, InconsistentBatchesAreRefused) {
  ASSERT_TRUE(decode_result_batch(a_message().SerializeAsString()));
  for (const auto& [what, write] : inconsistencies) {
    auto message = a_message();
    write(message);
    const auto batch = decode_result_batch(message.SerializeAsString());
    ASSERT_FALSE(batch) << what;
    EXPECT_EQ(batch.error().kind, Error::Kind::invalid) << what;
  }
  EXPECT_FALSE(decode_result_batch(""));
}

TEST(ResultBatch, AnUnknownFieldIsPassedOver) {
  std::string payload = a_message().SerializeAsString();
  payload += "\xFA\x01\x03new";  // field 31, three bytes
  EXPECT_TRUE(decode_result_batch(payload));
}

TEST(ResultBatch, AnyBytesAreReadSafely) {
  std::mt19937_64 random(99);
  const std::string seed = a_message().SerializeAsString();
  for (int i = 0; i < 200'000; ++i) {
    std::string payload = seed;
    for (auto edits = 1 + random() % 4; edits > 0 && !payload.empty(); --edits) {
      const std::size_t at = random() % payload.size();
      switch (random() % 4) {
        case 0:
          payload.insert(at, 1, static_cast<char>(random()));
          break;
        case 1:
          payload.erase(at, 1);
          break;
        case 2:
          payload.resize(at);
          break;
        default:
          payload[at] = static_cast<char>(random());
          break;
      }
    }
    const std::string tight(payload);
    const auto batch = decode_result_batch(tight);
    if (!batch) continue;
    ASSERT_EQ(batch->entries.size(), static_cast<std::size_t>(batch->last_offset - batch->first_offset + 1));
    for (const auto& entry : batch->entries) {
      const bool coupon = issuance::is_issued(entry.outcome) || entry.outcome == Outcome::already_issued;
      ASSERT_EQ(coupon, entry.sequence.value != 0);
    }
  }
}

}  // namespace
}  // namespace openrun::wire
