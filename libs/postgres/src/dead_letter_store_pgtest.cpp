// What operators read of dead letters, and what they leave behind.
#include <openrun/postgres/dead_letter_store.hpp>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ports::DeadLetterPlace;

class DeadLetters : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    letters_ = store();
    for (const std::int32_t partition : {0, 1}) {
      writer_ = coupon_store();
      taken_ = writer_->take_over(Partition{partition}).value();
      ports::CommitBatch batch = sample_batch(taken_, campaign_, 0);
      batch.campaigns.clear();
      batch.digests.clear();
      batch.next_offset = Offset{6};
      for (const std::int64_t offset : {1, 2, 3, 4, 5}) batch.dead_letters.push_back(letter(offset));
      ASSERT_EQ(writer_->commit(batch).outcome, ports::CommitOutcome::committed);
      taken_.snapshot.next_offset = batch.next_offset;
    }
  }
  std::unique_ptr<ports::DeadLetterStore> store() { return make_dead_letter_store(options(), logger_); }
  static ports::DeadLetterRow letter(std::int64_t offset) {
    ports::DeadLetterRow row;
    row.offset = Offset{offset};
    row.log_time = Timestamp{1'700'000'000'000 + offset};
    row.key = "7";
    row.value = std::string("\0\xff", 2);
    row.headers = {{"trace", "abc"}};
    row.reason = offset % 2 == 0 ? "STORE_REFUSED" : "UNDECODABLE";
    row.error = "what exactly";
    return row;
  }
  std::vector<ports::DeadLetter> read(const ports::DeadLetterFilter& filter = {},
                                      const std::optional<DeadLetterPlace>& after = std::nullopt,
                                      std::size_t limit = 100) {
    auto found = letters_->letters(filter, after, limit);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<ports::DeadLetter>{});
  }
  static ports::DeadLetterFilter in(std::int32_t partition) {
    ports::DeadLetterFilter filter;
    filter.partition = Partition{partition};
    return filter;
  }
  static std::string places(const std::vector<ports::DeadLetter>& letters) {
    std::string text;
    for (const auto& one : letters) {
      text += std::to_string(one.partition.value) + ":" + std::to_string(one.row.offset.value) + " ";
    }
    return text;
  }
  std::int64_t begin(const std::string& name = "replay") {
    const auto id = letters_->begin_action({name, R"({"partition":1})", "kim@host", 3});
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }
  ports::SentReplay sent(const ports::DeadLetter& letter, std::int64_t offset) {
    return {letter.id, letter.partition, letter.row.offset, Offset{offset}};
  }

  issuance::Campaign campaign_ = sample_campaign(7);
  std::unique_ptr<ports::CouponStore> writer_;  // of partition 1
  ports::TakenOver taken_;
  std::unique_ptr<ports::DeadLetterStore> letters_;
};

TEST_F(DeadLetters, AreReadWholeAndInTheOrderOfTheLog) {
  const auto all = read();
  EXPECT_EQ(places(all), "0:1 0:2 0:3 0:4 0:5 1:1 1:2 1:3 1:4 1:5 ");
  const ports::DeadLetter& first = all.at(0);
  EXPECT_EQ(first.row.value, letter(1).value);
  EXPECT_EQ(first.row.key, "7");
  EXPECT_EQ(first.row.headers, letter(1).headers);
  EXPECT_EQ(first.row.log_time, letter(1).log_time);
  EXPECT_EQ(first.row.reason, "UNDECODABLE");
  EXPECT_EQ(first.row.error, "what exactly");
  EXPECT_EQ(first.row.replays, 0U);
  EXPECT_EQ(first.next_offset, Offset{6});
  EXPECT_FALSE(first.exported_at || first.replayed_at || first.discarded_at || first.final_offset ||
               first.replay_offset);
  EXPECT_EQ(places(letters_->letters_of({all[7].id, all[2].id, 999}).value()), "0:3 1:3 ");
}

TEST_F(DeadLetters, EachFilterNarrowsAndPagesFollowEachOther) {
  database().rows("UPDATE dead_letter SET created_at = '2001-01-01Z' WHERE \"offset\" < 3");
  EXPECT_EQ(places(read(in(1))), "1:1 1:2 1:3 1:4 1:5 ");
  auto some = in(0);
  some.offsets = {Offset{2}, Offset{4}};
  EXPECT_EQ(places(read(some)), "0:2 0:3 0:4 ");
  ports::DeadLetterFilter newer;
  newer.since = Timestamp{1'500'000'000'000};
  newer.reason = "STORE_REFUSED";
  EXPECT_EQ(places(read(newer)), "0:4 1:4 ");
  EXPECT_EQ(places(read({}, DeadLetterPlace{Partition{0}, Offset{4}}, 2)), "0:5 1:1 ");
  EXPECT_EQ(places(read({}, DeadLetterPlace{Partition{1}, Offset{5}})), "");
}

TEST_F(DeadLetters, WhatWasSentIsCountedOnceHoweverOftenItIsToldAndByWhom) {
  const auto letters = read(in(1));
  const std::int64_t action = begin();
  ASSERT_TRUE(letters_->record_replays(action, {sent(letters[0], 8), sent(letters[1], 9)}));
  ASSERT_TRUE(letters_->record_replays(action, {sent(letters[0], 8)}));
  ASSERT_TRUE(letters_->record_replays(action, {sent(letters[0], 12)}));
  ASSERT_TRUE(letters_->finish_action(action));

  const auto after = read(in(1));
  EXPECT_EQ(after[0].row.replays, 2U);
  EXPECT_EQ(after[0].replay_offset, Offset{12});
  EXPECT_TRUE(after[0].replayed_at);
  EXPECT_EQ(after[1].row.replays, 1U);
  EXPECT_EQ(after[2].row.replays, 0U);
  EXPECT_EQ(database().rows("SELECT replays, replayed_at IS NOT NULL FROM dead_letter WHERE partition = 1 "
                            "ORDER BY \"offset\" LIMIT 3"),
            (std::vector<std::vector<std::string>>{{"2", "t"}, {"1", "t"}, {"0", "f"}}));
  EXPECT_EQ(database().rows("SELECT action, filter, done_by, planned, done, finished_at IS NOT NULL "
                            "FROM dead_letter_action")[0],
            (std::vector<std::string>{"replay", R"({"partition": 1})", "kim@host", "3", "3", "t"}));
  const auto history = letters_->replays_of(letters[0].place()).value();
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].replay_offset, Offset{8});
  EXPECT_EQ(history[1].replay_offset, Offset{12});
  EXPECT_EQ(history[0].sent_by, "kim@host");
}

TEST_F(DeadLetters, AResolvedOneIsSeenTogetherWithTheFrontierThatResolvedIt) {
  ports::CommitBatch batch = sample_batch(taken_, campaign_, 0);
  batch.campaigns.clear();
  batch.digests.clear();
  batch.next_offset = Offset{9};
  batch.replays = {{Offset{1}, Offset{8}}};
  ASSERT_EQ(writer_->commit(batch).outcome, ports::CommitOutcome::committed);
  const auto letter = read(in(1)).at(0);
  EXPECT_EQ(letter.final_offset, Offset{8});
  EXPECT_EQ(letter.next_offset, Offset{9});
}

TEST_F(DeadLetters, OnlyOpenOnesAreDiscarded) {
  database().rows(
      "UPDATE dead_letter SET final_partition = 0, final_offset = 9 WHERE partition = 0 AND \"offset\" = 2");
  const auto letters = read(in(0));
  const std::int64_t action = begin("discard");
  EXPECT_EQ(letters_->discard(action, {letters[0].id, letters[1].id}).value(), 1U);
  EXPECT_EQ(letters_->discard(action, {letters[0].id}).value(), 0U) << "once";
  EXPECT_EQ(
      database().value("SELECT string_agg(\"offset\"::text, ' ') FROM dead_letter WHERE discarded_at IS NOT NULL"),
      "1");
  EXPECT_EQ(database().value("SELECT done FROM dead_letter_action"), "1");
}

// The issuer resolves rows in an order of its own; whoever waited for one of them while holding another could wait for
// ever.
TEST_F(DeadLetters, ARowThatTheIssuerHoldsIsWaitedForAloneAndHoldsUpNoOther) {
  const auto letters = read(in(1));
  const std::int64_t action = begin();
  Plain issuer(options().url);
  issuer.rows("BEGIN");
  issuer.rows("UPDATE dead_letter SET final_partition = 1, final_offset = 8 WHERE id = " +
              std::to_string(letters[0].id));
  std::jthread tool([&] { EXPECT_TRUE(letters_->record_replays(action, {sent(letters[0], 8), sent(letters[1], 9)})); });
  EXPECT_TRUE(eventually([&] {
    return database().value("SELECT replays FROM dead_letter WHERE id = " + std::to_string(letters[1].id)) == "1";
  }));
  // The tool waits for the first row now, and holds nothing that the issuer wants.
  issuer.rows("UPDATE dead_letter SET final_partition = 1, final_offset = 9 WHERE id = " +
              std::to_string(letters[1].id));
  issuer.rows("COMMIT");
  tool.join();
  EXPECT_EQ(
      database().rows("SELECT replays, final_offset FROM dead_letter WHERE partition = 1 ORDER BY \"offset\" LIMIT 2"),
      (std::vector<std::vector<std::string>>{{"1", "8"}, {"1", "9"}}));
}

TEST_F(DeadLetters, OneActionAtATimeAndADeadToolHoldsNothing) {
  (void)begin();
  auto other = store();
  const auto refused = other->begin_action({"discard", "{}", "lee", 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::conflict);
  letters_.reset();
  EXPECT_TRUE(eventually([&] { return other->begin_action({"discard", "{}", "lee", 1}).has_value(); }));
}

TEST_F(DeadLetters, AnAcceptanceIsWhatTheIssuerAsksFor) {
  const auto next = letters_->accept(Partition{1}, Offset{6}, Offset{200}, "kim@host");
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(*next, Offset{6});
  EXPECT_TRUE(writer_->dead_letters_accepted(Partition{1}, Offset{6}, Offset{200}).value());
  EXPECT_EQ(database().rows("SELECT action, done_by, done, filter->>'offsets' FROM dead_letter_action")[0],
            (std::vector<std::string>{"accept", "kim@host", "195", "6-200"}));
  EXPECT_EQ(database().value("SELECT accepted_by FROM dead_letter_acceptance"), "kim@host");
}

TEST_F(DeadLetters, ACampaignsHomeIsToldWhereItExists) {
  issuance::Campaign campaign = sample_campaign(7);
  ASSERT_EQ(writer_->commit(sample_batch(taken_, campaign, 0)).outcome, ports::CommitOutcome::committed);
  EXPECT_EQ(letters_->home_of(CampaignId{7}).value(), Partition{1});
  EXPECT_EQ(letters_->home_of(CampaignId{8}).value(), std::nullopt);
}

}  // namespace
}  // namespace openrun::postgres::test
