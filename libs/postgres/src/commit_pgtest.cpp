// What a batch leaves in the tables, and what the store says where it must not be written.
#include <algorithm>
#include <array>
#include <string>

#include <openrun/base/limits.hpp>

#include "commit_fixture.hpp"

namespace openrun::postgres::test {
namespace {

TEST_F(Commit, WritesEverythingOfTheBatchInOneTransaction) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  batch.commands.push_back({campaign.id, "key-1", Offset{0}, issuance::Outcome::command_applied});
  ports::DeadLetterRow letter;
  letter.offset = Offset{2};
  letter.reason = "UNDECODABLE";
  batch.dead_letters.push_back(letter);
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(everything(), "3 1 1 1 1 3");
  EXPECT_EQ(database().value(
                "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM coupon UNION ALL SELECT xmin FROM campaign "
                "UNION ALL SELECT xmin FROM outbox UNION ALL SELECT xmin FROM partition_checkpoint UNION ALL "
                "SELECT xmin FROM dead_letter UNION ALL SELECT xmin FROM campaign_command) AS written"),
            "1");
  EXPECT_EQ(
      database().rows("SELECT sequence, user_id, idempotency_key, code, status, request_partition, request_offset, "
                      "request_nonce FROM coupon ORDER BY sequence")[1],
      (std::vector<std::string>{"2", "user-7-2", "", "code-2", "UNUSED", "0", "1", "-2"}));
  EXPECT_EQ(
      database().rows("SELECT partition, first_offset, last_offset, convert_from(payload, 'UTF8') FROM outbox")[0],
      (std::vector<std::string>{"0", "0", "2", "payload of 0"}));
  EXPECT_EQ(database().value("SELECT counters_offset FROM campaign"), "2");
}

TEST_F(Commit, ABatchWithoutACommandWritesOnlyWhatItsRequestsChanged) {
  issuance::Campaign campaign = sample_campaign(7, 5);
  ASSERT_EQ(commit(sample_batch(writer_, campaign, 2)), CommitOutcome::committed) << last_message_;
  database().rows("UPDATE campaign SET name = 'as it is stored'");
  ASSERT_EQ(commit(sample_batch(writer_, campaign, 3)), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().rows("SELECT name, issued, state, counters_offset, get_byte(digest, 1) FROM campaign")[0],
            (std::vector<std::string>{"as it is stored", "5", "sold_out", "4", "5"}));
  campaign.terms_offset = writer_.snapshot.next_offset;
  ASSERT_EQ(commit(sample_batch(writer_, campaign, 0)), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().value("SELECT name FROM campaign"), "campaign 7");
}

// It stays unseen in no case: the issuer reads its state again.
TEST_F(Commit, ACampaignWhoseRowIsGoneIsToldAsDoubt) {
  issuance::Campaign campaign = sample_campaign(7);
  ASSERT_EQ(commit(sample_batch(writer_, campaign, 1)), CommitOutcome::committed) << last_message_;
  database().rows("DELETE FROM campaign");
  EXPECT_EQ(commit(sample_batch(writer_, campaign, 1)), CommitOutcome::in_doubt);
  EXPECT_NE(last_message_.find("is gone"), std::string::npos) << last_message_;
}

// One batch that goes on with every one of these campaigns.
ports::CommitBatch batch_of_many(const ports::TakenOver& writer, std::vector<issuance::Campaign>& campaigns) {
  ports::CommitBatch all = sample_batch(writer, campaigns.front(), 1);
  for (std::size_t i = 1; i < campaigns.size(); ++i) {
    ports::TakenOver behind = writer;
    behind.snapshot.next_offset = all.next_offset;
    const ports::CommitBatch one = sample_batch(behind, campaigns[i], 1);
    all.coupons.push_back(one.coupons.front());
    all.campaigns.push_back(one.campaigns.front());
    all.digests.push_back({0xD1, static_cast<std::uint8_t>(10 * (i + 1) + campaigns[i].issued)});
    all.next_offset = one.next_offset;
  }
  return all;
}

TEST_F(Commit, CountersOfManyCampaignsAreWrittenEachIntoItsOwnRow) {
  std::vector<issuance::Campaign> campaigns{sample_campaign(7), sample_campaign(8, 2), sample_campaign(9)};
  ASSERT_EQ(commit(batch_of_many(writer_, campaigns)), CommitOutcome::committed) << last_message_;
  database().rows("UPDATE campaign SET name = 'as it is stored'");
  // Beside two that only count there is one with new terms.
  campaigns[2].terms_offset = writer_.snapshot.next_offset;
  ASSERT_EQ(commit(batch_of_many(writer_, campaigns)), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().rows("SELECT id, name, issued, state, counters_offset, get_byte(digest, 1) FROM campaign "
                            "ORDER BY id"),
            (std::vector<std::vector<std::string>>{{"7", "as it is stored", "2", "open", "5", "2"},
                                                   {"8", "as it is stored", "2", "sold_out", "5", "22"},
                                                   {"9", "campaign 9", "2", "open", "5", "32"}}));
}

TEST_F(Commit, OneRowOfManyThatIsGoneOrElsewhereIsToldAsDoubt) {
  for (const char* harm : {"DELETE FROM campaign WHERE id = 8", "UPDATE campaign SET partition = 1 WHERE id = 11"}) {
    const std::uint32_t first = writer_.snapshot.next_offset.value == 0 ? 7 : 10;
    std::vector<issuance::Campaign> campaigns{sample_campaign(first), sample_campaign(first + 1)};
    ASSERT_EQ(commit(batch_of_many(writer_, campaigns)), CommitOutcome::committed) << last_message_;
    database().rows(harm);
    EXPECT_EQ(commit(batch_of_many(writer_, campaigns)), CommitOutcome::in_doubt) << harm;
    EXPECT_NE(last_message_.find("is gone"), std::string::npos) << last_message_;
    store_ = coupon_store();
    writer_ = *store_->take_over(Partition{0});
  }
}

TEST_F(Commit, ReadsBackExactlyTheStateThatWasWritten) {
  issuance::Campaign plain = sample_campaign(1);
  issuance::Campaign rich = sample_campaign(2, static_cast<std::uint32_t>(limits::stock_max), 17);
  rich.terms.ends_at = Timestamp{limits::timestamp_ms_max};
  rich.paused = rich.closed = true;
  rich.terms.policy = {issuance::Discount{issuance::Discount::Type::amount, 5'000'000'000, "KRW"},
                       Timestamp{1'800'000'000'999}, std::nullopt, 1'000, issuance::CodeFormat::latin};
  issuance::Campaign percent = sample_campaign(3, 0);
  percent.terms.starts_at = Timestamp{0};
  percent.terms.policy.discount = issuance::Discount{issuance::Discount::Type::percent, 15, ""};
  percent.terms.policy.valid_for_seconds = 86'400;
  percent.terms.description = "";
  ports::CommitBatch batch = sample_batch(writer_, plain, 0);
  batch.campaigns = {percent, rich, plain};
  batch.digests = {Digest{3}, Digest{2}, Digest{1}};
  batch.decision_version = 1;
  batch.log_time = Timestamp{limits::timestamp_ms_max};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;

  const ports::TakenOver state = rebuilt();
  EXPECT_EQ(state.snapshot.campaigns, (std::vector{plain, rich, percent}));
  EXPECT_EQ(state.digests, (std::vector{Digest{1}, Digest{2}, Digest{3}}));
  EXPECT_EQ(state.snapshot.next_offset, batch.next_offset);
  EXPECT_EQ(state.snapshot.log_time, batch.log_time);
  EXPECT_EQ(state.snapshot.decision_version, batch.decision_version);
  EXPECT_EQ(state.fingerprint, batch.fingerprint);
  EXPECT_EQ(state.epoch, writer_.epoch);
  EXPECT_EQ(database().value("SELECT string_agg(state, ',' ORDER BY id) FROM campaign"), "open,closed,sold_out");

  // Once more over the same rows: an update must carry every field too, and take an end away again.
  rich.terms = plain.terms;
  rich.closed = false;
  rich.issued = 18;
  batch = sample_batch(state, rich, 2);
  batch.log_time = Timestamp{1};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(rebuilt().snapshot.campaigns, (std::vector{plain, rich, percent}));
  EXPECT_EQ(rebuilt().snapshot.log_time, Timestamp{1});
}

TEST_F(Commit, AProbeLeavesNothingBehind) {
  issuance::Campaign campaign = sample_campaign(7);
  const ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  EXPECT_EQ(store_->probe(batch).outcome, CommitOutcome::committed);
  EXPECT_EQ(everything(), "0 0 0 0 0 0");
  EXPECT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(store_->probe(batch).outcome, CommitOutcome::fenced);
}

TEST_F(Commit, AnotherExpectedOffsetIsFenced) {
  issuance::Campaign campaign = sample_campaign(7);
  const ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  ASSERT_EQ(commit(batch), CommitOutcome::committed);
  EXPECT_EQ(commit(batch), CommitOutcome::fenced);
  ports::CommitBatch without_coupons = batch;
  without_coupons.coupons.clear();
  EXPECT_EQ(commit(without_coupons), CommitOutcome::fenced);
  EXPECT_EQ(everything(), "3 1 1 0 0 3");
}

TEST_F(Commit, AUserThatNoTextCanHoldIsRefusedAndNothingIsWritten) {
  for (const std::string& user : {std::string("a\0b", 3), std::string("\xff\xfe"), std::string("\xed\xa0\x80")}) {
    issuance::Campaign campaign = sample_campaign(7);
    ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
    batch.coupons[1].user = user;
    EXPECT_EQ(store_->probe(batch).outcome, CommitOutcome::refused);
    EXPECT_EQ(commit(batch), CommitOutcome::refused);
    EXPECT_EQ(everything(), "0 0 0 0 0 0");
  }
}

TEST_F(Commit, ATextOfACampaignThatCannotBeStoredIsRefused) {
  issuance::Campaign campaign = sample_campaign(7);
  campaign.terms.name = std::string("n\0", 2);
  EXPECT_EQ(commit(sample_batch(writer_, campaign, 0)), CommitOutcome::refused);
  EXPECT_EQ(everything(), "0 0 0 0 0 0");
}

TEST_F(Commit, TheSameClaimTwiceIsAConflict) {
  issuance::Campaign campaign = sample_campaign(7);
  ASSERT_EQ(commit(sample_batch(writer_, campaign, 2)), CommitOutcome::committed);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 2);
  batch.coupons[1].user = "user-7-1";
  EXPECT_EQ(commit(batch), CommitOutcome::conflict);
  EXPECT_EQ(last_message_.find("user-7"), std::string::npos) << last_message_;
  batch.coupons[1].idempotency_key = "another key";
  EXPECT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
}

TEST_F(Commit, MoreIssuedThanStockIsRolledBack) {
  issuance::Campaign campaign = sample_campaign(7, 2);
  EXPECT_EQ(commit(sample_batch(writer_, campaign, 3)), CommitOutcome::rolled_back);
  EXPECT_EQ(everything(), "0 0 0 0 0 0");
}

TEST_F(Commit, ACampaignNeverMovesToAnotherPartition) {
  issuance::Campaign campaign = sample_campaign(7);
  ASSERT_EQ(commit(sample_batch(writer_, campaign, 1)), CommitOutcome::committed);
  auto other_store = coupon_store();
  const auto other = other_store->take_over(Partition{1});
  ASSERT_TRUE(other);
  // The record's fault: the issuer finds it and goes on, instead of trying for ever.
  EXPECT_EQ(other_store->commit(sample_batch(*other, campaign, 0)).outcome, CommitOutcome::refused);
  EXPECT_EQ(database().value("SELECT partition FROM campaign"), "0");
}

TEST_F(Commit, TextIsComparedByteByByte) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 4);
  batch.coupons[0].user = "a";
  batch.coupons[1].user = "A";
  batch.coupons[2].user = "가";            // one code point
  batch.coupons[3].user = "\u1100\u1161";  // the same syllable as two
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().rows("SELECT sequence FROM coupon ORDER BY user_id"),
            (std::vector<std::vector<std::string>>{{"2"}, {"1"}, {"4"}, {"3"}}));
}

TEST_F(Commit, TheLongestBatchGoesInOnePiece) {
  issuance::Campaign campaign = sample_campaign(7, 20'000);
  ports::CommitBatch batch = sample_batch(writer_, campaign, static_cast<std::uint32_t>(limits::batch_records_max));
  for (auto& coupon : batch.coupons) coupon.user.resize(limits::user_id_bytes_max, 'x');
  batch.payload.assign(limits::result_batch_bytes_max, '\x7f');
  for (std::uint32_t i = 0; i < limits::batch_records_max; ++i) {
    batch.commands.push_back({campaign.id, "key", Offset{i}, issuance::Outcome::command_below_issued});
    ports::DeadLetterRow letter;
    letter.offset = Offset{i};
    letter.reason = "UNDECODABLE";
    letter.value.assign(100, 'v');
    batch.dead_letters.push_back(letter);
  }
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(everything(), "10000 1 1 10000 10000 10000");
}

TEST_F(Commit, DetailsComeBackAsTheyWereWritten) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  batch.coupons[2].user = "user-7-1";
  batch.coupons[2].idempotency_key = "second";
  for (std::int64_t i = 0; i < 1'030; ++i) {
    batch.commands.push_back({campaign.id, "key-" + std::to_string(i), Offset{i}, issuance::Outcome::command_applied});
  }
  issuance::Campaign other = sample_campaign(8);
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  ports::CommitBatch others = sample_batch(writer_, other, 5);
  others.commands.push_back({other.id, "other", Offset{1'031}, issuance::Outcome::command_applied});
  ASSERT_EQ(commit(others), CommitOutcome::committed);

  // In the order in which they were asked for, and an empty one of a campaign without rows among them.
  const auto details = store_->load_details(std::array{other.id, CampaignId{99}, campaign.id}, 42);
  ASSERT_TRUE(details) << details.error().message;
  ASSERT_EQ(details->size(), 3U);
  EXPECT_EQ((*details)[0].claims.size(), 5U);
  EXPECT_EQ((*details)[0].claims.find("user-8-1", ""),
            (issuance::Claim{Sequence{1}, batch.coupons[0].issued_at, 0U - 1}));
  ASSERT_EQ((*details)[0].commands.size(), 1U);
  EXPECT_EQ((*details)[0].commands[0], (issuance::RememberedCommand{"other", Offset{1'031}}));
  EXPECT_EQ((*details)[1].claims.size(), 0U);
  EXPECT_EQ((*details)[1].commands.size(), 0U);
  const issuance::CampaignDetail& detail = (*details)[2];
  EXPECT_EQ(detail.claims.size(), 3U);
  EXPECT_EQ(detail.claims.find("user-7-1", ""), (issuance::Claim{Sequence{1}, batch.coupons[0].issued_at, 0U - 1}));
  EXPECT_EQ(detail.claims.find("user-7-1", "second"),
            (issuance::Claim{Sequence{3}, batch.coupons[2].issued_at, 0U - 3}));
  EXPECT_EQ(detail.claims.find("user-8-1", ""), std::nullopt);
  EXPECT_EQ(detail.claims.count("user-7-1"), 2U);
  ASSERT_EQ(detail.commands.size(), limits::command_keys_remembered);
  EXPECT_EQ(detail.commands.front(), (issuance::RememberedCommand{"key-6", Offset{6}}));
  EXPECT_EQ(detail.commands.back(), (issuance::RememberedCommand{"key-1029", Offset{1'029}}));
  // Nothing of a campaign that nobody asked for; and one by itself is what it is among others.
  const auto alone = store_->load_details(std::array{campaign.id}, 0);
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(alone->front().claims.size(), 3U);
  EXPECT_EQ(alone->front().commands, detail.commands);
}

TEST_F(Commit, DetailsAreReadByIndexAlsoWhereTheTablesAreTakenForSmall) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  batch.commands.push_back({campaign.id, "key", Offset{0}, issuance::Outcome::command_applied});
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  database().rows("ANALYZE coupon, campaign_command");
  ASSERT_TRUE(
      database().rows("EXPLAIN SELECT FROM coupon WHERE campaign_id IN (7, 8)")[0][0].starts_with("Seq Scan on coupon"))
      << "there is nothing to keep the planner from";
  // A backend has told what it has read by the time that it is gone.
  const auto whole_reads = [&] {
    store_.reset();
    EXPECT_TRUE(eventually([&] {
      return database().value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                 "backend_type = 'client backend' AND pid <> pg_backend_pid()") == "0";
    }));
    return database().rows(
        "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('coupon', 'campaign_command') ORDER BY 1");
  };
  const auto before = whole_reads();
  store_ = coupon_store();
  ASSERT_EQ(store_->load_details(std::array{campaign.id}, 0).value().front().claims.size(), 3U);
  ASSERT_EQ(store_->load_details(std::array{campaign.id, CampaignId{8}}, 0).value().front().commands.size(), 1U);
  EXPECT_EQ(whole_reads(), before);
}

TEST_F(Commit, DispatchOfAPartitionGoesBeforeTheDefault) {
  EXPECT_EQ(store_->dispatch_per_second(Partition{0}), 0U);
  database().rows("INSERT INTO dispatch VALUES (-1, 4000000000)");
  EXPECT_EQ(store_->dispatch_per_second(Partition{0}), 4'000'000'000U);
  database().rows("INSERT INTO dispatch VALUES (0, 5)");
  EXPECT_EQ(store_->dispatch_per_second(Partition{0}), 5U);
  EXPECT_EQ(store_->dispatch_per_second(Partition{1}), 4'000'000'000U);
}

TEST_F(Commit, AnAcceptanceCoversTheWholeRangeOrNothing) {
  EXPECT_EQ(store_->dead_letters_accepted(Partition{0}, Offset{5}, Offset{9}), false);
  database().rows(
      "INSERT INTO dead_letter_acceptance (partition, first_offset, last_offset) VALUES (0, 5, 9), (1, 0, 99)");
  EXPECT_EQ(store_->dead_letters_accepted(Partition{0}, Offset{5}, Offset{9}), true);
  EXPECT_EQ(store_->dead_letters_accepted(Partition{0}, Offset{6}, Offset{8}), true);
  EXPECT_EQ(store_->dead_letters_accepted(Partition{0}, Offset{4}, Offset{8}), false);
  EXPECT_EQ(store_->dead_letters_accepted(Partition{0}, Offset{6}, Offset{10}), false);
}

// The same links as in libs/crypto/src/coupon_chain_test.cpp, and the same digest.
TEST_F(Commit, TheDatabaseComputesTheChainOfCouponsFromItsRows) {
  EXPECT_EQ(database().value("SELECT encode(coupon_chain(7), 'hex')"),
            "d32c2026645b6742e09c59da3243f8be9a9e0aa887d9d4cccacaacd29a68d472");
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 0);
  ports::CouponRow first{CampaignId{7},
                         Sequence{1},
                         "user-1",
                         "",
                         "A1B2C3D4E5F6G",
                         issuance::CodeFormat::latin,
                         Timestamp{1'764'000'000'123},
                         std::nullopt,
                         Offset{41}};
  ports::CouponRow second{CampaignId{7},
                          Sequence{2},
                          "사용자",
                          "key",
                          "가나다라마바사아자1",
                          issuance::CodeFormat::hangul,
                          Timestamp{1'764'000'000'124},
                          Timestamp{1'764'000'001'000},
                          Offset{45}};
  batch.coupons = {first, second};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  database().rows("UPDATE coupon SET request_partition = 3");
  EXPECT_EQ(database().value("SELECT encode(coupon_chain(7), 'hex')"),
            "eaf773467071c59f42063fab0f4cd8322ba154d825e0c7dd5feb679dc0c87732");
}

}  // namespace
}  // namespace openrun::postgres::test
