// FF1 format-preserving encryption, NIST SP 800-38G (and the draft of revision 1), over OpenSSL's AES.
//
// What no string changes is computed once: the key's schedule (Ff1), and for strings of one length over one radix under
// one tweak the moduli and AES of all but the last block (Ff1Strings). Many strings are encrypted side by side: round i
// of up to Ff1Strings::side_by_side of them is one call of AES, so that its pipeline is full.
//
// Both are immutable, so any thread may use them at once; misuse is asserted, and nothing fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace openrun::crypto {

class AesBlock;

class Ff1 {
 public:
  // key: 16, 24 or 32 bytes (asserted).
  explicit Ff1(std::span<const std::uint8_t> key);

 private:
  friend class Ff1Strings;
  std::shared_ptr<const AesBlock> aes_;
};

// A keyed bijection of the strings of `length` numerals below `radix`.
class Ff1Strings {
 public:
  // Strings that are worked on at once, 2 KiB of the stack; more are taken piece by piece.
  static constexpr std::size_t side_by_side = 64;

  // radix 2 to 65536, length at least 2, radix^length at least 1,000,000, and radix^(length - length/2) at most 2^63:
  // half a string is a number of 63 bits (asserted).
  Ff1Strings(const Ff1& cipher, std::uint32_t radix, std::size_t length, std::span<const std::uint8_t> tweak);

  // In place: any number of strings one after the other, so numerals.size() is a multiple of the length and each
  // numeral is below the radix (asserted).
  void encrypt(std::span<std::uint16_t> numerals) const;
  void decrypt(std::span<std::uint16_t> numerals) const;

  // The same of strings given as two numbers each: the first length/2 numerals and the rest, most significant first,
  // each below its power of the radix (asserted). For a caller whose radix is a constant, which is cheaper to divide
  // by.
  void encrypt_halves(std::span<std::uint64_t> left, std::span<std::uint64_t> right) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace openrun::crypto
