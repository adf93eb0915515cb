#include "line.hpp"

#include <algorithm>
#include <iterator>

namespace openrun::http {

bool Line::lets_in(const RequestStart& start) {
  if (!rules_.may_stand || !rules_.may_stand(start.method, start.path)) return true;
  if (!entries_.empty() || came_in_ >= come_in_a_turn_max || !has_room()) return false;
  ++came_in_;
  return true;
}

Line::Place Line::join(Standing& standing, std::int64_t now_us) {
  if (spare_.empty()) spare_.emplace_back();
  spare_.front() = {&standing, now_us};
  entries_.splice(entries_.end(), spare_, spare_.begin());
  return std::prev(entries_.end());
}

bool Line::call_first(std::int64_t now_us) {
  const Entry first = entries_.front();
  const bool is_room = has_room();
  bool is_overdue = now_us >= overdue_at_us(first);
  if (!is_room && !is_overdue) return false;
  if (is_room && is_overdue) {
    is_overdue = saved_ >= come_in_for_a_refusal;
    if (is_overdue) saved_ -= come_in_for_a_refusal;
  }
  if (!is_overdue) saved_ = std::min(saved_ + 1, refusals_saved_max * come_in_for_a_refusal);
  ++came_in_;
  leave(entries_.begin());
  first.standing->come_in(is_overdue);
  return true;
}

Line::Again Line::end_turn(std::int64_t now_us) {
  while (!entries_.empty() && came_in_ < come_in_a_turn_max && call_first(now_us)) continue;
  const bool is_turn_full = came_in_ >= come_in_a_turn_max;
  came_in_ = 0;
  if (entries_.empty()) return {};
  if (is_turn_full) return {Again::When::at_once, now_us};
  return {Again::When::at_time, overdue_at_us(entries_.front())};
}

}  // namespace openrun::http
