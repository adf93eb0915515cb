// FF1 format-preserving encryption, NIST SP 800-38G (and the draft of revision 1), over OpenSSL's AES.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace openrun::crypto {

// A keyed bijection of numeral strings of radix 2..65536. Thread-safe: every call works on its own context.
class Ff1 {
 public:
  // key: 16, 24 or 32 bytes (asserted).
  explicit Ff1(std::span<const std::uint8_t> key);
  ~Ff1();
  Ff1(Ff1&&) noexcept;
  Ff1& operator=(Ff1&&) noexcept;

  // In place. radix^numerals.size() is at least 1,000,000 and numerals.size() at most 32 (asserted); each numeral <
  // radix.
  void encrypt(std::span<std::uint16_t> numerals, std::uint32_t radix, std::span<const std::uint8_t> tweak) const;
  void decrypt(std::span<std::uint16_t> numerals, std::uint32_t radix, std::span<const std::uint8_t> tweak) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openrun::crypto
