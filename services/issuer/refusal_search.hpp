// Finds the record that the store refuses: by halving, in trials that are rolled back. A value; no I/O.
//
// Each trial holds the records from the checkpoint up to probe_end(). The first `accepted_` of them are known to be
// accepted, all up to `refused_` are known to be refused, so where the two are neighbours the record between them is
// the guilty one. A batch of n records takes at most log2(n)+1 trials.
#pragma once

#include <openrun/base/ids.hpp>

namespace openrun::issuer {

class RefusalSearch {
 public:
  // The transaction with the records of [first, last] was refused.
  RefusalSearch(Offset first, Offset last) : first_(first), accepted_(first + -1), refused_(last) {}

  [[nodiscard]] Offset first() const { return first_; }
  [[nodiscard]] bool found() const { return refused_ - accepted_ <= 1; }
  [[nodiscard]] Offset guilty() const { return refused_; }  // once found()
  // The last offset of the next trial.
  [[nodiscard]] Offset probe_end() const { return accepted_ + (refused_ - accepted_) / 2; }
  void probed(bool refused) { (refused ? refused_ : accepted_) = probe_end(); }

 private:
  Offset first_;
  Offset accepted_;
  Offset refused_;
};

}  // namespace openrun::issuer
