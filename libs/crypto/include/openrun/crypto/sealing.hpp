// One direction of one connection as sealed messages: AES-256-GCM (NIST SP 800-38D). The number of the message is its
// nonce, so a key must serve one direction of one connection only, and a message that was changed, left out, repeated
// or moved does not open. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace openrun::crypto {

using SealingKey = std::array<std::uint8_t, 32>;
inline constexpr std::size_t seal_bytes = 16;  // what a sealed message is longer than the message

class Sealer {
 public:
  explicit Sealer(const SealingKey& key);
  ~Sealer();
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;
  // Appends the sealed message to `out`. `header` travels beside it, readable, and must arrive unchanged as well.
  void seal(std::span<const std::uint8_t> header, std::string_view message, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Opener {
 public:
  explicit Opener(const SealingKey& key);
  ~Opener();
  Opener(Opener&&) noexcept;
  Opener& operator=(Opener&&) noexcept;
  // The message, in `out`. False, and `out` empty: this is not what the other side sealed next; nothing that follows
  // can be trusted.
  [[nodiscard]] bool open(std::span<const std::uint8_t> header, std::string_view sealed, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openrun::crypto
