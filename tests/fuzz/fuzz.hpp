// What the fuzz targets share. One thread at a time. A target is a file with LLVMFuzzerTestOneInput(); it states what
// must hold of any input by require(), which ends the process: libFuzzer then keeps the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace openrun::fuzz {

inline void require(bool holds, const char* promise, std::string_view detail = {}) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "broken promise: %s\n%s\n", promise, std::string(detail).c_str());
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes choices off the front of an input. Where nothing is left, every choice is 0 and every text is empty.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  // 0 to count - 1; at most 256 different ones.
  std::size_t one_of(std::size_t count) { return byte() % count; }
  bool flag() { return (byte() & 1) != 0; }
  // Little endian.
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  std::string_view text(std::size_t length) {
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

// Cuts `text` at the next separator (which is dropped) and returns what stood before it.
inline std::string_view next_part(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + separator.size());
  return part;
}

// FNV-1a: choices that an input makes without spending bytes on them, so that seeds stay readable.
inline std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 0xCBF29CE484222325) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

}  // namespace openrun::fuzz
