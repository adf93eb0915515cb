#include "issuer/dead_letter_gate.hpp"

#include <algorithm>

namespace openrun::issuer {

void DeadLetterGate::record(bool dead) {
  run_[position_] = dead;
  position_ = (position_ + 1) % run_length;
  recorded_ = std::min(recorded_ + 1, run_length);
}

bool DeadLetterGate::closed_for(std::size_t records, std::size_t dead) const {
  if (dead == 0) return false;
  if (records >= limits::dead_letter_batch_min) return dead * 2 > records;
  return recorded_ == run_length && run_.count() * 2 > run_length;
}

void DeadLetterGate::clear() {
  run_.reset();
  position_ = 0;
  recorded_ = 0;
}

}  // namespace openrun::issuer
