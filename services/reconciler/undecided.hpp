// How long a partition's log has held records that nobody decides, whoever should. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>

#include <openrun/base/ids.hpp>

namespace openrun::reconciler {

class Undecided {
 public:
  // Longer than a rebalance, a takeover and the slow commits of a store that is in trouble.
  static constexpr std::int64_t told_after_us = 15'000'000;

  struct Judgement {
    std::int64_t without_progress_us = 0;  // 0 while nothing waits
    enum class News : std::uint8_t { none, stuck, moving } news = News::none;
  };
  // `next_offset` as committed, `log_end` as the broker says.
  [[nodiscard]] Judgement look(Partition partition, Offset next_offset, Offset log_end, std::int64_t now_us);

 private:
  struct Seen {
    Offset next_offset;
    std::int64_t progress_us = 0;
    bool told = false;
  };
  std::map<Partition, Seen> seen_;
};

}  // namespace openrun::reconciler
