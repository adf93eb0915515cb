#include "issuer/dead_letter_gate.hpp"

#include <gtest/gtest.h>

namespace openrun::issuer {
namespace {

void record(DeadLetterGate& gate, int count, bool dead) {
  for (int i = 0; i < count; ++i) gate.record(dead);
}

TEST(DeadLetterGate, StaysOpenForHalfOfALargeBatch) {
  DeadLetterGate gate;
  record(gate, 200, true);
  EXPECT_FALSE(gate.closed_for(200, 100));
  EXPECT_TRUE(gate.closed_for(200, 101));
  EXPECT_TRUE(gate.closed_for(100, 51));
}

TEST(DeadLetterGate, ALargeBatchIsJudgedByItselfNotByItsEnd) {
  DeadLetterGate gate;
  record(gate, 4'000, false);
  record(gate, 1'000, true);
  EXPECT_FALSE(gate.closed_for(5'000, 1'000));
}

TEST(DeadLetterGate, ASmallBatchAloneNeverClosesIt) {
  DeadLetterGate gate;
  record(gate, 99, true);
  EXPECT_FALSE(gate.closed_for(99, 99));
}

TEST(DeadLetterGate, SmallBatchesCloseItByTheRunOfTheLastHundred) {
  DeadLetterGate gate;
  record(gate, 50, false);
  record(gate, 50, true);
  EXPECT_FALSE(gate.closed_for(1, 1));
  gate.record(true);
  EXPECT_TRUE(gate.closed_for(1, 1));
}

TEST(DeadLetterGate, ABatchWithoutDeadLettersPassesWhateverCameBefore) {
  DeadLetterGate gate;
  record(gate, 100, true);
  EXPECT_FALSE(gate.closed_for(3, 0));
}

TEST(DeadLetterGate, ForgetsTheRunWhenCleared) {
  DeadLetterGate gate;
  record(gate, 100, true);
  gate.clear();
  record(gate, 99, true);
  EXPECT_FALSE(gate.closed_for(1, 1));
  gate.record(true);
  EXPECT_TRUE(gate.closed_for(1, 1));
}

}  // namespace
}  // namespace openrun::issuer
