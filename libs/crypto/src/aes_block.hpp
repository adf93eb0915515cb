// AES of blocks that stand by themselves (ECB: the building stone of a mode, never a mode for data) under a fixed key,
// without fetching or setting up anything per call. Thread-safe: each thread keeps the context that it used last.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace openrun::crypto {

using Block = std::array<std::uint8_t, 16>;

class AesBlock {
 public:
  // key: 16, 24 or 32 bytes (asserted).
  explicit AesBlock(std::span<const std::uint8_t> key);
  ~AesBlock();
  AesBlock(const AesBlock&) = delete;
  AesBlock& operator=(const AesBlock&) = delete;

  // A handle for the calling thread; it must not leave that thread, nor outlive the AesBlock, nor the next use of
  // another one.
  class Session {
   public:
    // In place. Several blocks cost little more than one: the processor works on up to eight at once.
    void encrypt(std::span<Block> blocks) const;
    void encrypt(Block& block) const { encrypt(std::span(&block, 1)); }

   private:
    friend class AesBlock;
    explicit Session(void* context) : context_(context) {}
    void* context_;
  };
  [[nodiscard]] Session session() const;

 private:
  std::uint64_t id_;
  void* cipher_;
  std::vector<std::uint8_t> key_;
};

}  // namespace openrun::crypto
