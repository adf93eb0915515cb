// The state of partitions at an offset, in a file, so that a later audit can begin there. Versioned; each partition's
// part is authenticated (HMAC-SHA-256 under the code key), so that a changed file is refused.
//
//   "openrun audit state 2\n", then for each partition: partition:4 | length:8 | state | tag:16       numbers big
//   endian
//
// Version 1, of builds that knew no request by its nonce, is read too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>

#include "cli/reexecution.hpp"

namespace openrun::cli {

struct SavedState {
  StartState state;
  std::uint64_t fingerprint = 0;  // of record next_offset-1
};

// One partition as bytes, and back. `machine` stands at the state, every campaign of it restored or created there.
[[nodiscard]] std::string encode_state(const issuance::Machine& machine, const std::map<CampaignId, Digest>& heads,
                                       std::uint64_t fingerprint);
// Error::Kind::invalid for bytes that are no state. Safe for any bytes.
[[nodiscard]] Result<SavedState> decode_state(std::string_view bytes, int version);

class SavedStatesWriter {
 public:
  explicit SavedStatesWriter(std::span<const std::uint8_t> key);
  void add(Partition partition, const std::string& state);
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t partitions() const { return partitions_; }

 private:
  std::vector<std::uint8_t> key_;
  std::string bytes_;
  std::size_t partitions_ = 0;
};

class SavedStates {
 public:
  // Error::Kind::invalid: no such file of this version, cut short, changed, or made under another code key.
  [[nodiscard]] static Result<SavedStates> open(std::string bytes, std::span<const std::uint8_t> key);
  [[nodiscard]] bool has(Partition partition) const { return parts_.contains(partition); }
  [[nodiscard]] Result<SavedState> read(Partition partition) const;

 private:
  struct Part {
    std::size_t at;
    std::size_t length;
  };
  std::string bytes_;
  int version_ = 0;
  std::map<Partition, Part> parts_;
};

}  // namespace openrun::cli
