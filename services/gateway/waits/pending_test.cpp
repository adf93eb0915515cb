#include "gateway/waits/pending.hpp"

#include <gtest/gtest.h>

#include "gateway/waits/seats.hpp"

namespace openrun::gateway {
namespace {

class Nobody final : public Submission {
 public:
  void stored(std::unique_ptr<Submission>, Partition, Offset, std::int64_t) override {}
  void not_stored(Error::Kind) override {}
  void decided(const Found&, std::int64_t) override {}
  void expired() override {}
};

TEST(Pending, ATokenFindsItsSubmissionOnce) {
  Pending pending(5);
  auto submission = std::make_unique<Nobody>();
  const Submission* raw = submission.get();
  const std::uint64_t token = pending.open(std::move(submission));
  EXPECT_EQ(PendingToken::thread(token), 5U);
  EXPECT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending.close(token).get(), raw);
  EXPECT_EQ(pending.close(token), nullptr);
  EXPECT_EQ(pending.size(), 0U);
}

TEST(Pending, ATokenOfAnEarlierUseOfTheSlotFindsNothing) {
  Pending pending(0);
  const std::uint64_t old = pending.open(std::make_unique<Nobody>());
  (void)pending.close(old);
  const std::uint64_t current = pending.open(std::make_unique<Nobody>());
  EXPECT_EQ(PendingToken::slot(old), PendingToken::slot(current));
  EXPECT_EQ(pending.close(old), nullptr);
  EXPECT_NE(pending.close(current), nullptr);
}

TEST(Pending, ATokenOfAnotherThreadFindsNothing) {
  Pending pending(1);
  const std::uint64_t token = pending.open(std::make_unique<Nobody>());
  EXPECT_EQ(pending.close(PendingToken::make(2, PendingToken::slot(token), PendingToken::generation(token))), nullptr);
  EXPECT_EQ(pending.close(PendingToken::make(1, 77, 1)), nullptr);
}

TEST(Seats, NoMoreThanTheBoundAreTaken) {
  Seats seats(2);
  auto first = seats.take();
  const auto second = seats.take();
  EXPECT_TRUE(second);
  EXPECT_FALSE(seats.take());
  first.reset();
  EXPECT_TRUE(seats.take());
  EXPECT_EQ(seats.taken(), 1);
}

}  // namespace
}  // namespace openrun::gateway
