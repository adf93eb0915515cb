// Who holds which coupon of one campaign: exact (bytes are compared, not hashes), append-only, at most 64 bytes a claim for
// user ids of up to 16 bytes. One thread at a time. Open addressing over an arena; the hash seed changes the layout only,
// never an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>

namespace openrun::issuance {

struct Claim {
  Sequence sequence;
  Timestamp issued_at;
  bool operator==(const Claim&) const = default;
};

class ClaimTable {
 public:
  explicit ClaimTable(std::uint64_t hash_seed = 0) : seed_(hash_seed) {}

  // The coupon that (user, key) holds. `key` is empty where max_per_user is 1.
  [[nodiscard]] std::optional<Claim> find(std::string_view user, std::string_view key) const;
  // How many coupons the user holds under any key.
  [[nodiscard]] std::uint32_t count(std::string_view user) const;
  // Adds a claim; (user, key) must not be there yet (asserted).
  void insert(std::string_view user, std::string_view key, Claim claim);

  [[nodiscard]] std::size_t size() const { return claims_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t sequence = 0;  // 0: a free slot, or (with arena != none) a counter entry
    std::uint32_t issued_at_low = 0;
    std::uint32_t issued_at_high = 0;
    std::uint32_t count = 0;       // of a user's counter entry
    std::uint32_t position = 0;    // 1 + position in the arena / alignment; 0: free
  };
  [[nodiscard]] std::uint32_t hash_of(std::string_view user, std::string_view key, bool counter) const;
  [[nodiscard]] std::size_t slot_of(std::string_view user, std::string_view key, bool counter) const;
  void grow();

  std::uint64_t seed_;
  std::size_t claims_ = 0;
  std::size_t used_ = 0;
  std::vector<Slot> slots_;
  std::string arena_;
};

}  // namespace openrun::issuance
