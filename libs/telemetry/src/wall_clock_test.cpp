#include "wall_clock.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace openrun::telemetry {
namespace {

constexpr std::int64_t ahead_ns = 1'000'000'000'000;
constexpr std::int64_t read_takes_ns = 50;

// Two clocks that run together; before a read the reader may be interrupted.
class TwoClocks {
 public:
  // For how long before the first read, the second one, and so on; not at all before those that are not named.
  explicit TwoClocks(std::vector<std::int64_t> interrupted_ns) : interrupted_ns_(std::move(interrupted_ns)) {}

  std::int64_t ahead() {
    return wall_ahead_ns([this] { return read() + ahead_ns; }, [this] { return read(); });
  }
  [[nodiscard]] std::size_t reads() const { return reads_; }

 private:
  std::int64_t read() {
    now_ns_ += read_takes_ns + (reads_ < interrupted_ns_.size() ? interrupted_ns_[reads_] : 0);
    ++reads_;
    return now_ns_;
  }

  std::vector<std::int64_t> interrupted_ns_;
  std::int64_t now_ns_ = 0;
  std::size_t reads_ = 0;
};

TEST(WallClock, IsReadOnceWhereNobodyInterrupts) {
  TwoClocks clocks({});
  EXPECT_EQ(clocks.ahead(), ahead_ns);
  EXPECT_EQ(clocks.reads(), 3U);
}

TEST(WallClock, AnInterruptionBetweenTheReadsIsNotTakenForADifference) {
  for (const std::vector<std::int64_t>& interrupted :
       {std::vector<std::int64_t>{0, 20'000'000}, std::vector<std::int64_t>{0, 0, 20'000'000}}) {
    TwoClocks clocks(interrupted);
    EXPECT_EQ(clocks.ahead(), ahead_ns);
  }
}

TEST(WallClock, WhereEveryAttemptIsInterruptedTheShortestCounts) {
  std::vector<std::int64_t> interrupted;
  for (const std::int64_t ms : {9, 4, 2, 7, 8}) interrupted.insert(interrupted.end(), {0, ms * 1'000'000, 0});
  TwoClocks clocks(interrupted);
  EXPECT_NEAR(static_cast<double>(clocks.ahead()), static_cast<double>(ahead_ns), 1'000'100);
  EXPECT_EQ(clocks.reads(), 15U);
}

}  // namespace
}  // namespace openrun::telemetry
