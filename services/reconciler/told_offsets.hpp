// How far each partition's outcomes were told, as far as they were read; written by one thread, read by another.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>

#include <openrun/base/ids.hpp>

namespace openrun::reconciler {

class ToldOffsets {
 public:
  // One past the newest offset that was told.
  void told(Partition partition, Offset end) {
    const std::lock_guard lock(mutex_);
    Offset& known = ends_[partition];
    known = std::max(known, end);
  }
  [[nodiscard]] std::map<Partition, Offset> ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Partition, Offset> ends_;
};

}  // namespace openrun::reconciler
