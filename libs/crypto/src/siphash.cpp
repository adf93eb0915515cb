#include <bit>
#include <cstring>

#include <openrun/base/assert.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they stand");

std::uint64_t load(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

struct Sip {
  std::uint64_t v0, v1, v2, v3;

  Sip(std::uint64_t k0, std::uint64_t k1)
      : v0(k0 ^ 0x736F6D6570736575),
        v1(k1 ^ 0x646F72616E646F6D),
        v2(k0 ^ 0x6C7967656E657261),
        v3(k1 ^ 0x7465646279746573) {}

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }

  std::uint64_t finish() {
    v2 ^= 0xFF;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

std::uint64_t siphash_2_4(std::uint64_t k0, std::uint64_t k1, std::span<const std::uint8_t> message) {
  Sip sip(k0, k1);
  std::size_t at = 0;
  for (; at + 8 <= message.size(); at += 8) sip.absorb(load(message.data() + at));
  std::uint64_t last = static_cast<std::uint64_t>(message.size()) << 56;
  for (std::size_t i = 0; at + i < message.size(); ++i) last |= static_cast<std::uint64_t>(message[at + i]) << (8 * i);
  sip.absorb(last);
  return sip.finish();
}

UserHash::UserHash(std::span<const std::uint8_t> key) : k0_(0), k1_(0) {
  OPENRUN_ASSERT(key.size() == 16, "SipHash takes a key of 16 bytes");
  k0_ = load(key.data());
  k1_ = load(key.data() + 8);
}

std::uint64_t UserHash::operator()(std::uint32_t campaign, std::string_view user) const {
  // Every valid user id fits; what does not is some client's invention and may cost an allocation.
  std::array<std::uint8_t, sizeof campaign + limits::user_id_bytes_max> buffer{};
  std::vector<std::uint8_t> large;
  std::span<std::uint8_t> message(buffer);
  if (user.size() > limits::user_id_bytes_max) {
    large.resize(sizeof campaign + user.size());
    message = large;
  }
  message = message.first(sizeof campaign + user.size());
  std::memcpy(message.data(), &campaign, sizeof campaign);
  if (!user.empty()) std::memcpy(message.data() + sizeof campaign, user.data(), user.size());
  return siphash_2_4(k0_, k1_, message);
}

}  // namespace openrun::crypto
