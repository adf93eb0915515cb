// A bound on how many of something may exist at once, over all threads: whoever wants one takes a seat and gives it
// back by dropping it. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace openrun::gateway {

class Seats;

class Seat {
 public:
  Seat(Seat&& other) noexcept : seats_(std::exchange(other.seats_, nullptr)) {}
  Seat& operator=(Seat&& other) noexcept {
    std::swap(seats_, other.seats_);
    return *this;
  }
  inline ~Seat();

 private:
  friend class Seats;
  explicit Seat(Seats* seats) : seats_(seats) {}
  Seats* seats_;
};

class Seats {
 public:
  explicit Seats(std::int64_t seats_max) : max_(seats_max) {}
  Seats(const Seats&) = delete;
  Seats& operator=(const Seats&) = delete;

  // Empty where all are taken.
  [[nodiscard]] std::optional<Seat> take() {
    if (taken_.fetch_add(1, std::memory_order_relaxed) >= max_) {
      taken_.fetch_sub(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return Seat(this);
  }
  [[nodiscard]] std::int64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  [[nodiscard]] double load() const { return static_cast<double>(taken()) / static_cast<double>(max_ > 0 ? max_ : 1); }

 private:
  friend class Seat;
  const std::int64_t max_;
  std::atomic<std::int64_t> taken_{0};
};

inline Seat::~Seat() {
  if (seats_ != nullptr) seats_->taken_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace openrun::gateway
