// "More than half of a batch of 100 or more would be dead letters": a bad deployment, not bad records, so the issuer
// asks before it writes any (contract, section 4). One thread at a time.
//
// An issuer that keeps up forms small batches, and a batch of three is never "100 or more". So the gate also looks at
// the run of the last 100 records, whatever batches they were in: it closes when more than half of them, and at least
// one of the batch at hand, would be dead letters. Up to 51 dead letters may then be written already, in batches of
// fewer than 100.
#pragma once

#include <bitset>
#include <cstddef>

#include <openrun/base/limits.hpp>

namespace openrun::issuer {

class DeadLetterGate {
 public:
  static constexpr std::size_t run_length = limits::dead_letter_batch_min;

  // Every record, in the order of the log.
  void record(bool dead);
  // Whether a batch of that many records, the last that were recorded, may be written without asking.
  [[nodiscard]] bool closed_for(std::size_t records, std::size_t dead) const;
  // Forgets the run: after an operator accepted it, and when decisions are dropped and will be recorded again.
  void clear();

 private:
  std::bitset<run_length> run_;
  std::size_t position_ = 0;
  std::size_t recorded_ = 0;  // at most run_length
};

}  // namespace openrun::issuer
