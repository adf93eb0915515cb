#include "reconciler/undecided.hpp"

namespace openrun::reconciler {

Undecided::Judgement Undecided::look(Partition partition, Offset next_offset, Offset log_end, std::int64_t now_us) {
  const auto [found, is_new] = seen_.try_emplace(partition, Seen{next_offset, now_us});
  Seen& seen = found->second;
  if (next_offset != seen.next_offset || log_end <= next_offset) {
    seen.next_offset = next_offset;
    seen.progress_us = now_us;
  }
  Judgement judgement;
  judgement.without_progress_us = now_us - seen.progress_us;
  const bool stuck = judgement.without_progress_us >= told_after_us;
  if (stuck != seen.told) judgement.news = stuck ? Judgement::News::stuck : Judgement::News::moving;
  seen.told = stuck;
  return judgement;
}

}  // namespace openrun::reconciler
