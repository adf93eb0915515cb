// What an issuer has written is clean; what is spoiled afterwards is found by name.
#include "cli/deep_audit.hpp"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/wire/log_record.hpp>

#include "cli/story.hpp"
#include "cli/testing/audited_system.hpp"

namespace openrun::cli {
namespace {

constexpr Partition partition{3};
constexpr CampaignId first{1};
constexpr CampaignId second{2};
const std::vector<std::uint8_t> file_key(32, 9);

std::string create(CampaignId campaign, std::uint32_t stock, std::uint32_t max_per_user) {
  issuance::CampaignTerms terms;
  terms.name = "Spring";
  terms.stock = stock;
  terms.starts_at = Timestamp{1'764'000'000'000};
  terms.policy.max_per_user = max_per_user;
  terms.policy.valid_for_seconds = 60;
  return wire::encode_command(7, {campaign, "create", issuance::CreateCampaign{std::move(terms)}});
}
std::string ask(CampaignId campaign, const std::string& user, const std::string& key = "", std::uint32_t nonce = 0) {
  return wire::encode_request(nonce, campaign, user, key);
}
std::string command(CampaignId campaign, const std::string& key, decltype(issuance::CampaignCommand::action) action) {
  return wire::encode_command(8, {campaign, key, std::move(action)});
}

class DeepAuditTest : public ::testing::Test {
 protected:
  DeepAuditTest() {
    system.append(create(first, 2, 1));
    system.append(create(second, 10, 2));
    for (const char* user : {"ann", "bob", "cem", "ann"}) system.append(ask(first, user));
    system.commit();
    system.append(command(first, "more", issuance::AddStock{2}));
    system.append(command(first, "stop", issuance::PauseCampaign{}));
    system.append(ask(first, "dan"));
    system.append(command(first, "go", issuance::ResumeCampaign{}));
    system.append(ask(first, "dan"));
    system.commit();
    for (const char* key : {"a", "b", "c", "a"}) system.append(ask(second, "ann", key));
    const Offset garbage = system.append("\xff\xfe");
    refused = system.append(ask(second, "refused", "r"), true);
    system.append(wire::encode_replay(5, garbage, Timestamp{1'764'000'000'005}, ask(second, "eve", "e"), 1));
    system.append(wire::encode_replay(5, garbage, Timestamp{1'764'000'000'005}, ask(second, "fay", "f"), 2));
    system.commit();
  }
  DeepReport run(const DeepOptions& options = {}) {
    auto report = deep_audit(system.log, system.rows, {system.codes, system.user_hash}, options);
    EXPECT_TRUE(report) << report.error().message;
    return std::move(*report);
  }
  static std::string names(const DeepReport& report) {
    std::string out;
    for (const auto& [invariant, count] : report.findings.by_invariant()) out += invariant + " ";
    return out;
  }
  std::string found() { return names(run()); }
  ports::StoredCampaignRow& campaign(std::size_t index) { return system.rows.stored_campaigns.at(index); }
  // As whoever edits rows would make the digest fit again.
  void refit() {
    for (ports::StoredCampaignRow& row : system.rows.stored_campaigns) {
      row.digest = crypto::chain_start(row.campaign.id);
      for (const ports::StoredCoupon& c : system.rows.coupons) {
        if (c.campaign != row.campaign.id) continue;
        row.digest = crypto::chain_next(row.digest, {c.sequence, c.request_partition, c.request_offset, c.issued_at,
                                                     c.valid_until, c.user, c.idempotency_key, c.code});
      }
    }
  }
  testing::AuditedSystem system;
  Offset refused;
};

TEST_F(DeepAuditTest, WhatTheIssuerWroteIsClean) {
  const DeepReport report = run();
  EXPECT_EQ(names(report), "");
  EXPECT_TRUE(report.not_checked.empty());
  ASSERT_EQ(report.partitions.size(), 1U);
  EXPECT_EQ(report.partitions[0].counts.records, 19U);
  EXPECT_EQ(report.partitions[0].counts.coupons, 6U);
  EXPECT_EQ(report.partitions[0].counts.dead_letters, 2U);
  EXPECT_EQ(report.partitions[0].results.entries, 19U);
}

TEST_F(DeepAuditTest, FindsADeletedCouponAlsoWithTheCounterAndTheDigestLowered) {
  system.rows.coupons.erase(system.rows.coupons.begin() + 2);
  EXPECT_EQ(found(), "coupon_is_stored ");
  campaign(0).campaign.issued -= 1;
  refit();
  EXPECT_EQ(found(),
            "campaign_digest_as_decided campaign_digest_as_published campaign_issued_as_decided coupon_is_stored ");
}

TEST_F(DeepAuditTest, ARequestThatStandsTwiceIsDecidedOnceHereToo) {
  const std::string record = ask(second, "gus", "g", 11);
  const std::string once = ask(first, "eve", "", 12);
  for (const std::string& value : {record, once, once, record}) system.append(value);
  system.commit();
  EXPECT_EQ(found(), "");
  for (ports::StoredCoupon& row : system.rows.coupons) {
    if (row.user == "eve" && row.campaign == first) row.request_nonce = 0;
  }
  EXPECT_EQ(found(), "coupon_request_as_decided ");
}

TEST_F(DeepAuditTest, FindsAForgedCouponWithAValidCode) {
  ports::StoredCoupon forged = system.rows.coupons[2];
  forged.sequence = Sequence{4};
  forged.user = "thief";
  forged.code = system.codes.encode({first, Sequence{4}}, crypto::CodeAlphabet::hangul);
  forged.request_offset = forged.request_offset + 1;
  system.rows.coupons.push_back(forged);
  EXPECT_EQ(found(), "coupon_was_decided ");
}

TEST_F(DeepAuditTest, FindsEveryChangedPartOfACoupon) {
  using Row = ports::StoredCoupon;
  const std::vector<std::pair<std::string, std::function<void(Row&)>>> changes{
      {"coupon_user_as_decided ", [](Row& row) { row.user = "thief"; }},
      {"coupon_key_as_decided ", [](Row& row) { row.idempotency_key = "other"; }},
      {"coupon_code_as_decided ", [](Row& row) { row.code += "1"; }},
      {"coupon_issued_at_as_decided ", [](Row& row) { row.issued_at.value += 1; }},
      {"coupon_valid_until_as_decided ", [](Row& row) { row.valid_until.reset(); }},
      {"coupon_request_as_decided ", [](Row& row) { row.request_partition.value += 1; }},
      {"coupon_is_stored coupon_was_decided ", [](Row& row) { row.sequence.value += 7; }},
  };
  for (const auto& [name, change] : changes) {
    const Row before = system.rows.coupons[1];
    change(system.rows.coupons[1]);
    EXPECT_EQ(found(), name);
    system.rows.coupons[1] = before;
  }
  std::swap(system.rows.coupons[0].user, system.rows.coupons[1].user);
  EXPECT_EQ(run().findings.count(), 2U);
}

TEST_F(DeepAuditTest, FindsEveryChangedPartOfACampaign) {
  using Row = ports::StoredCampaignRow;
  const std::vector<std::pair<std::string, std::function<void(Row&)>>> changes{
      {"campaign_issued_as_decided ", [](Row& row) { row.campaign.issued += 1; }},
      {"campaign_stock_as_decided ", [](Row& row) { row.campaign.terms.stock += 1; }},
      {"campaign_terms_as_decided ", [](Row& row) { row.campaign.terms.starts_at.value += 1; }},
      {"campaign_state_as_decided ", [](Row& row) { row.campaign.paused = true; }},
      {"campaign_state_as_decided ", [](Row& row) { row.state = "closed"; }},
      {"campaign_version_as_decided ", [](Row& row) { row.campaign.terms_offset.value -= 1; }},
      {"campaign_version_as_decided ", [](Row& row) { row.counters_offset.value -= 1; }},
      {"campaign_digest_as_decided campaign_digest_as_published ", [](Row& row) { row.digest[0] ^= 1; }},
  };
  for (const auto& [name, change] : changes) {
    const Row before = campaign(0);
    change(campaign(0));
    EXPECT_EQ(found(), name);
    campaign(0) = before;
  }
  system.rows.stored_campaigns.pop_back();
  EXPECT_EQ(found(), "campaign_is_stored ");
}

TEST_F(DeepAuditTest, FindsChangedDeadLettersAndCommands) {
  const auto letters = system.rows.dead_letters;
  system.rows.dead_letters[0].final_offset.reset();
  EXPECT_EQ(found(), "dead_letter_final_as_decided ");
  system.rows.dead_letters = letters;
  system.rows.dead_letters[0].row.value += "x";
  EXPECT_EQ(found(), "dead_letter_as_decided ");
  system.rows.dead_letters.erase(system.rows.dead_letters.begin());
  EXPECT_EQ(found(), "dead_letter_is_stored ");
  system.rows.dead_letters = letters;
  const auto commands = system.rows.commands;
  system.rows.commands[2].outcome = issuance::Outcome::command_closed;
  EXPECT_EQ(found(), "command_as_decided ");
  system.rows.commands.pop_back();
  EXPECT_NE(found().find("command_is_stored "), std::string::npos);
}

TEST_F(DeepAuditTest, TheStoresVerdictIsAnInput) {
  // Without it the record would have won a coupon.
  std::erase_if(system.rows.dead_letters, [&](const auto& letter) { return letter.row.offset == refused; });
  EXPECT_NE(found().find("coupon_is_stored "), std::string::npos);
}

TEST_F(DeepAuditTest, FindsAnyByteOfAnOutboxRowThatWasChanged) {
  const std::string payload = system.rows.outbox[1].payload;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    system.rows.outbox[1].payload[i] = static_cast<char>(payload[i] ^ 1);
    EXPECT_NE(found(), "") << "byte " << i;
  }
  system.rows.outbox[1].payload = payload;
  system.rows.outbox.erase(system.rows.outbox.begin() + 1);
  EXPECT_EQ(found(), "outbox_without_gap ");
}

TEST_F(DeepAuditTest, FindsWhatTheResultsTopicDoesNotHoldOrHoldsOtherwise) {
  system.log.expire(ports::Topic::results, partition, Offset{0});
  auto records = system.log.records(ports::Topic::results, partition);
  system.log.recreate(ports::Topic::results, partition);
  system.log.append(ports::Topic::results, partition, Timestamp{0}, records[0].value);
  EXPECT_NE(found().find("results_are_complete "), std::string::npos);
  for (const int i : {2, 1, 1}) {
    system.log.append(ports::Topic::results, partition, Timestamp{0}, records[static_cast<std::size_t>(i)].value);
  }
  EXPECT_EQ(found(), "") << "late and twice is no fault";
  std::string other = records[1].value;
  other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
  system.log.append(ports::Topic::results, partition, Timestamp{0}, other);
  EXPECT_NE(found(), "");
}

TEST_F(DeepAuditTest, SaysWhatTheLogNoLongerHoldsAndChecksTheRest) {
  system.log.expire(ports::Topic::requests, partition, Offset{11});
  const DeepReport report = run();
  EXPECT_EQ(names(report), "");
  ASSERT_EQ(report.not_checked.size(), 1U);
  EXPECT_NE(report.not_checked[0].text.find("offsets 0 to 10"), std::string::npos) << report.not_checked[0].text;
  system.rows.coupons.back().user = "thief";
  EXPECT_EQ(found(), "coupon_user_as_decided ");
}

TEST_F(DeepAuditTest, ACampaignWhoseStateIsLostIsNamedAndNothingElseSuffers) {
  // Begins between two commands of the first campaign; the outbox rows that would tell are gone too.
  system.log.expire(ports::Topic::requests, partition, Offset{6});
  system.rows.outbox.erase(system.rows.outbox.begin());
  const DeepReport report = run();
  EXPECT_EQ(names(report), "");
  std::string told;
  for (const NotChecked& one : report.not_checked) told += one.text + "\n";
  EXPECT_NE(told.find("campaign 1: commands have changed it"), std::string::npos) << told;
  EXPECT_EQ(report.partitions[0].counts.unknown, 5U);
}

TEST_F(DeepAuditTest, ASavedStateMakesUpForTheLostLog) {
  SavedStatesWriter writer(file_key);
  DeepOptions save;
  save.save = &writer;
  run(save);
  ASSERT_EQ(writer.partitions(), 1U);
  const auto at_once = SavedStates::open(writer.bytes(), file_key);
  DeepOptions nothing_new;
  nothing_new.saved = &*at_once;
  EXPECT_EQ(names(run(nothing_new)), "");
  system.append(ask(second, "gus", "g"));
  system.commit();
  system.log.expire(ports::Topic::requests, partition, Offset{18});
  const auto saved = SavedStates::open(writer.bytes(), file_key);
  ASSERT_TRUE(saved) << saved.error().message;
  DeepOptions options;
  options.saved = &*saved;
  const DeepReport report = run(options);
  EXPECT_EQ(names(report), "");
  EXPECT_TRUE(report.not_checked.empty());
  EXPECT_EQ(report.partitions[0].counts.records, 1U);
  system.rows.coupons[0].user = "thief";
  EXPECT_EQ(names(run(options)), "coupon_is_stored coupon_was_decided ");
}

TEST(SavedStates, AChangedOrForeignFileIsRefused) {
  SavedStatesWriter writer(file_key);
  writer.add(partition, "state");
  EXPECT_TRUE(SavedStates::open(writer.bytes(), file_key));
  EXPECT_FALSE(SavedStates::open(writer.bytes(), std::vector<std::uint8_t>(32, 8)));
  for (std::size_t i = 0; i < writer.bytes().size(); ++i) {
    std::string changed = writer.bytes();
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto opened = SavedStates::open(changed, file_key);
    EXPECT_TRUE(!opened || !opened->read(partition)) << "byte " << i;
  }
  EXPECT_FALSE(SavedStates::open(writer.bytes().substr(0, writer.bytes().size() - 1), file_key));
}

TEST(SavedStates, AFileOfTheVersionBeforeIsReadAndItsRequestsAreKnownByNoNonce) {
  issuance::PartitionSnapshot empty;
  empty.partition = partition;
  issuance::Machine machine(empty, 1);
  const Timestamp now{1'764'000'000'000};
  const std::string created = create(first, 2, 1);
  machine.apply({Offset{0}, now, wire::decode(created)->event});
  machine.apply({Offset{1}, now, issuance::IssueRequested{first, "ann", {}, 7}});
  const std::string state = encode_state(machine, {}, 5);
  const auto nonce_in = [&](const Result<SavedState>& saved) {
    return saved->state.details.at(first).claims.find("ann", "")->nonce;
  };
  const auto now_saved = decode_state(state, 2);
  ASSERT_TRUE(now_saved);
  EXPECT_EQ(nonce_in(now_saved), 7U);

  // The only claim is the last of the state, and the nonce the last of the claim.
  SavedStatesWriter writer(file_key);
  writer.add(partition, state.substr(0, state.size() - 4));
  std::string before = writer.bytes();
  before.replace(before.find('2'), 1, "1");
  const auto opened = SavedStates::open(before, file_key);
  ASSERT_TRUE(opened) << opened.error().message;
  const auto read = opened->read(partition);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(nonce_in(read), 0U);
}

TEST_F(DeepAuditTest, WhyTellsEveryRequestOfTheUserWithItsReason) {
  const auto story = tell_story(system.log, system.rows, first, "dan");
  ASSERT_TRUE(story) << story.error().message;
  ASSERT_EQ(story->entries.size(), 2U);
  const std::string text = why_text(*story, "dan", system.codes);
  EXPECT_NE(text.find("PAUSED: the campaign was paused."), std::string::npos) << text;
  EXPECT_NE(text.find("ISSUED: the user got coupon number 3"), std::string::npos) << text;
  EXPECT_NE(text.find("2 of 4 coupons were given"), std::string::npos) << text;
}

TEST_F(DeepAuditTest, WhyNamesTheTraceOfACallThatCarriedOne) {
  constexpr const char* trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  for (const std::string& traceparent : {"00-" + std::string(trace_id) + "-00f067aa0ba902b7-01", std::string("none")}) {
    system.log.append(ports::Topic::requests, partition, Timestamp{1'764'000'001'000}, ask(first, "traced"),
                      {{traceparent_name, traceparent}});
  }
  const auto story = tell_story(system.log, system.rows, first, "traced");
  ASSERT_TRUE(story) << story.error().message;
  ASSERT_EQ(story->entries.size(), 2U);
  EXPECT_EQ(story->entries[0].trace_id, trace_id);
  EXPECT_EQ(story->entries[1].trace_id, "");
  const std::string text = why_text(*story, "traced", system.codes);
  EXPECT_NE(text.find("request  trace " + std::string(trace_id) + "\n"), std::string::npos) << text;
  EXPECT_NE(text.find("request\n"), std::string::npos) << text;
  EXPECT_NE(story_json(*story, system.codes).find(R"("trace_id":"4bf92f)"), std::string::npos);
}

TEST_F(DeepAuditTest, WhyTellsOfTheStoresRefusalAndOfReplays) {
  const auto refusal = tell_story(system.log, system.rows, second, "refused");
  ASSERT_TRUE(refusal);
  ASSERT_EQ(refusal->entries.size(), 1U);
  EXPECT_EQ(refusal->entries[0].decision.outcome, issuance::Outcome::dead_lettered);
  const auto replayed = tell_story(system.log, system.rows, second, "eve");
  ASSERT_EQ(replayed->entries.size(), 2U) << "and the copy that came too late";
  EXPECT_EQ(replayed->entries[0].decision.outcome, issuance::Outcome::issued);
  EXPECT_EQ(replayed->entries[1].decision.outcome, issuance::Outcome::replay_ignored);
}

TEST_F(DeepAuditTest, HistoryTellsEveryCommandWithTheStateBeforeAndAfter) {
  const auto story = tell_story(system.log, system.rows, first, std::nullopt);
  ASSERT_TRUE(story) << story.error().message;
  ASSERT_EQ(story->entries.size(), 4U);
  EXPECT_FALSE(story->entries[0].before);
  EXPECT_EQ(story->entries[1].before->terms.stock, 2U);
  EXPECT_EQ(story->entries[1].after->terms.stock, 4U);
  EXPECT_NE(history_text(*story).find("add 2 to the stock  key more"), std::string::npos) << history_text(*story);
}

}  // namespace
}  // namespace openrun::cli
