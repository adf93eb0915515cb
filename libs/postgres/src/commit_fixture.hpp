// What the tests of a batch share: one writer of partition 0, and its commits.
#pragma once

#include <memory>
#include <string>

#include "test_database.hpp"

namespace openrun::postgres::test {

using ports::CommitOutcome;

class Commit : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    store_ = coupon_store();
    auto taken = store_->take_over(Partition{0});
    ASSERT_TRUE(taken) << taken.error().message;
    writer_ = *taken;
  }
  CommitOutcome commit(const ports::CommitBatch& batch) {
    const ports::CommitAnswer answer = store_->commit(batch);
    if (answer.outcome == CommitOutcome::committed) writer_.snapshot.next_offset = batch.next_offset;
    last_message_ = answer.message;
    return answer.outcome;
  }
  ports::TakenOver rebuilt() {
    auto state = store_->rebuild(Partition{0}, writer_.epoch);
    EXPECT_TRUE(state) << state.error().message;
    return state.value_or(ports::TakenOver{});
  }
  std::string everything() {
    return database().value(
        "SELECT (SELECT count(*) FROM coupon) || ' ' || (SELECT count(*) FROM campaign) || ' ' || (SELECT count(*) "
        "FROM "
        "outbox) || ' ' || (SELECT count(*) FROM campaign_command) || ' ' || (SELECT count(*) FROM dead_letter) || ' ' "
        "|| "
        "(SELECT next_offset FROM partition_checkpoint WHERE partition = 0)");
  }

  std::unique_ptr<ports::CouponStore> store_;
  ports::TakenOver writer_;
  std::string last_message_;
};

}  // namespace openrun::postgres::test
