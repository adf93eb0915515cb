// Somebody who waits for an outcome: a request whose answer is held, or a command. Lives on one I/O thread.
#pragma once

#include <cstdint>
#include <memory>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/crypto/receipt.hpp>

#include "gateway/results/results_window.hpp"

namespace openrun::gateway {

class Waiting {
 public:
  virtual ~Waiting() = default;
  // Exactly one of these two is called, once. `found` is decided or a mismatch; `now_us` is the turn's (Lane).
  virtual void decided(const Found& found, std::int64_t now_us) = 0;
  // The wait is over and nothing is known; also when the gateway drains.
  virtual void expired() = 0;
};

// What an append waits with: first for its delivery, then perhaps for the outcome.
class Submission : public Waiting {
 public:
  // Acknowledged by all in-sync replicas at this place: from here on the answer is a promise. `self` owns this object
  // and may be handed on to wait for the outcome.
  virtual void stored(std::unique_ptr<Submission> self, Partition partition, Offset offset, std::int64_t now_us) = 0;
  // Failed or in doubt: nothing may be promised.
  virtual void not_stored(Error::Kind kind) = 0;
};

}  // namespace openrun::gateway
