// Who holds which coupon of one campaign: exact (bytes are compared, not hashes), append-only, at most 64 bytes a claim
// for user ids of up to 16 bytes (from 64 claims on). One thread at a time. Open addressing over an arena; the hash
// seed changes the layout only, never an answer. Users choose their ids, so the hash is keyed (SipHash-1-3): without
// the seed nobody can aim at one slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>

namespace openrun::issuance {

struct Claim {
  Sequence sequence;
  Timestamp issued_at;
  std::uint32_t nonce = 0;  // of the request that won it (event.hpp)
  bool operator==(const Claim&) const = default;
};

class ClaimTable {
 public:
  ClaimTable() = default;
  explicit ClaimTable(std::uint64_t hash_seed) : seed_(hash_seed) {}

  // The coupon that (user, key) holds. `key` is empty where max_per_user is 1.
  [[nodiscard]] std::optional<Claim> find(std::string_view user, std::string_view key) const;
  // How many coupons the user holds under any key.
  [[nodiscard]] std::uint32_t count(std::string_view user) const;
  // Adds a claim; (user, key) must not be there yet, and both must be within limits.hpp (asserted).
  void insert(std::string_view user, std::string_view key, Claim claim);

  [[nodiscard]] std::size_t size() const { return claims_; }
  // Every claim, in the order in which they were inserted.
  void each(const std::function<void(std::string_view user, std::string_view key, Claim claim)>& take) const;
  // Everything that is allocated, slack of the containers included.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // A claim, or how many claims with a key a user holds. Claims without a key need no counter: there is at most one a
  // user.
  enum class Kind : std::uint8_t { claim, counter };
  struct Record;

  [[nodiscard]] std::uint64_t hash_of(std::string_view user, std::string_view key, Kind kind) const;
  // The slot of this entry, or the free slot where it belongs. The index must not be empty.
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash, std::string_view user, std::string_view key, Kind kind) const;
  [[nodiscard]] Record record_at(std::uint64_t slot) const;
  [[nodiscard]] char* bytes_at(std::uint64_t slot);
  void append(std::size_t slot, std::uint64_t hash, const Record& record);
  void count_up(std::string_view user);
  void grow_index();

  std::uint64_t seed_ = 0;
  std::size_t claims_ = 0;
  std::size_t used_ = 0;  // slots
  // A slot: 24 bits of the hash above 40 bits of 1 + position in the arena; 0 is a free one.
  std::vector<std::uint64_t> index_;
  // The arena, in chunks: growing never copies more than one of them.
  std::vector<std::vector<char>> chunks_;
};

}  // namespace openrun::issuance
