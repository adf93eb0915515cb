#include "gateway/waits/pending.hpp"

#include <utility>

#include <openrun/base/assert.hpp>

namespace openrun::gateway {

std::uint64_t Pending::open(std::unique_ptr<Submission> submission) {
  std::uint32_t index = free_;
  if (index != none) {
    free_ = slots_[index].next_free;
  } else {
    OPENRUN_ASSERT(slots_.size() < PendingToken::slots_max, "more appends are pending than a token can name");
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  Slot& slot = slots_[index];
  slot.submission = std::move(submission);
  ++size_;
  return PendingToken::make(thread_, index, slot.generation);
}

std::unique_ptr<Submission> Pending::close(std::uint64_t token) {
  const std::uint32_t index = PendingToken::slot(token);
  if (PendingToken::thread(token) != thread_ || index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  if (slot.generation != PendingToken::generation(token) || !slot.submission) return nullptr;
  std::unique_ptr<Submission> submission = std::move(slot.submission);
  ++slot.generation;
  slot.next_free = free_;
  free_ = index;
  --size_;
  return submission;
}

}  // namespace openrun::gateway
