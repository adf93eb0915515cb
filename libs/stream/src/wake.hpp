// Ends a poll() of another thread. Any thread.
#pragma once

namespace openrun::stream {

class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  void wake();
  // Until the next wake(), the descriptor is no longer readable.
  void settle();
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;  // eventfd
};

}  // namespace openrun::stream
