// Receipts and coupon codes as strangers send them: nothing that was not signed verifies, and what is accepted as a
// code is one of the ways to write that code.
#include <algorithm>
#include <optional>
#include <vector>

#include <openrun/base/limits.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/receipt.hpp>

#include "fuzz.hpp"

namespace openrun::fuzz {
namespace {

using crypto::CodeAlphabet;
using crypto::Receipt;

std::vector<std::uint8_t> key_of(std::uint8_t byte) {
  return std::vector<std::uint8_t>(32, byte);
}

const crypto::ReceiptSigner& signer() {
  static const crypto::ReceiptSigner made({{1, key_of(7)}, {2, key_of(8)}});
  return made;
}
// The same key ids with other keys.
const crypto::ReceiptSigner& stranger() {
  static const crypto::ReceiptSigner made({{1, key_of(17)}, {2, key_of(18)}});
  return made;
}
const crypto::CouponCodes& codes() {
  static const crypto::CouponCodes made(key_of(9));
  return made;
}

void check_base64url(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  if (!crypto::from_base64url(text, bytes)) {
    require(bytes.empty(), "what is no base64url leaves nothing behind", text);
    return;
  }
  require(crypto::base64url(bytes) == text, "base64url has one way to write bytes", text);
}

void check_receipt_text(std::string_view text) {
  if (const auto receipt = signer().verify(text)) {
    // The fuzzer knows no key: only a seed can be a receipt, and of the key that signs it has one way to be written.
    const crypto::ReceiptSigner first({{1, key_of(7)}});
    require(signer().sign(*receipt) == text || first.sign(*receipt) == text, "a receipt is what was signed", text);
  }
}

// Signs a receipt of chosen fields, then changes one character of it, or cuts or lengthens it.
void check_signed(Choices choices) {
  const Receipt receipt{Partition{static_cast<std::int32_t>(choices.number(2))},
                        Offset{static_cast<std::int64_t>(choices.number(8) >> 1)},
                        CampaignId{static_cast<std::uint32_t>(choices.number(4))},
                        static_cast<std::uint32_t>(choices.number(4))};
  const std::string text = signer().sign(receipt);
  require(signer().verify(text) == receipt, "what was signed verifies, as what it was", text);
  require(!signer().verify(stranger().sign(receipt)), "another key's receipt does not verify", text);
  std::string changed = text;
  const std::size_t at = choices.one_of(text.size());
  changed[at] = static_cast<char>(choices.byte());
  require(changed == text || !signer().verify(changed), "a changed receipt does not verify", changed);
  require(!signer().verify(std::string_view(text).substr(0, at)), "a cut receipt does not verify", text);
  require(!signer().verify(text + std::string(1, changed[at])), "a lengthened receipt does not verify", text);
}

// Hangul taken apart into its letters, written anew from the Unicode standard (section 3.12); anything else as it is.
std::u32string taken_apart(std::string_view utf8) {
  std::u32string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(utf8[k]); };
    char32_t point = at(i);
    std::size_t length = 1;
    if (at(i) >= 0xE0 && i + 2 < utf8.size()) {
      point = static_cast<char32_t>((at(i) & 0x0F) << 12 | (at(i + 1) & 0x3F) << 6 | (at(i + 2) & 0x3F));
      length = 3;
    }
    i += length;
    if (point < 0xAC00 || point > 0xD7A3) {
      out.push_back(point);
      continue;
    }
    const char32_t index = point - 0xAC00;
    out.push_back(0x1100 + index / 588);
    out.push_back(0x1161 + index % 588 / 28);
    if (index % 28 != 0) out.push_back(0x11A7 + index % 28);
  }
  return out;
}

// The rules for latin codes, written anew: hyphens do not count, case does not, O is 0, I and L are 1.
std::string tidied(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '-') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    out.push_back(c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);
  }
  return out;
}

void check_code_text(std::string_view text) {
  const auto key = codes().decode(text);
  if (!key) return;
  require(key->campaign.value >= 1 && key->campaign.value <= limits::campaign_id_max && key->sequence.value >= 1,
          "a code names a coupon within the limits", text);
  const std::string latin = codes().encode(*key, CodeAlphabet::latin);
  const std::string hangul = codes().encode(*key, CodeAlphabet::hangul);
  require(codes().decode(latin) == key && codes().decode(hangul) == key, "a code decodes to its coupon", text);
  require(tidied(text) == latin || taken_apart(text) == taken_apart(hangul),
          "what is accepted is one of the ways to write the code", text);
}

void check_code(Choices choices) {
  const auto campaign = static_cast<std::uint32_t>(choices.number(4) % limits::campaign_id_max + 1);
  const auto sequence = static_cast<std::uint32_t>(std::max<std::uint64_t>(choices.number(4), 1));
  const crypto::CouponKey key{CampaignId{campaign}, Sequence{sequence}};
  for (const CodeAlphabet alphabet : {CodeAlphabet::hangul, CodeAlphabet::latin}) {
    const std::string code = codes().encode(key, alphabet);
    require(codes().decode(code) == key, "decode(encode(x)) is x", code);
    std::string changed = code;
    changed[choices.one_of(code.size())] = static_cast<char>(choices.byte());
    check_code_text(changed);
    const auto read = codes().decode(changed);
    const bool same = tidied(changed) == tidied(code);
    require(same || read != key, "another code is another coupon", changed);
  }
  // In NFD, with hyphens, in lower case.
  std::string decomposed;
  for (const char32_t point : taken_apart(codes().encode(key, CodeAlphabet::hangul))) {
    if (point < 0x80) {
      decomposed.push_back(static_cast<char>(point));
    } else {
      decomposed.push_back(static_cast<char>(0xE0 | point >> 12));
      decomposed.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
      decomposed.push_back(static_cast<char>(0x80 | (point & 0x3F)));
    }
  }
  require(codes().decode(decomposed) == key, "a hangul code may come in NFD", decomposed);
  std::string lower;
  for (const char c : codes().encode(key, CodeAlphabet::latin)) {
    if (choices.flag()) lower.push_back('-');
    lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  require(codes().decode(lower) == key, "case and hyphens do not count", lower);
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  const std::string_view text = text_of(data, size);
  check_base64url(text);
  check_receipt_text(text);
  check_code_text(text);
  check_signed(Choices(text));
  check_code(Choices(text));
  return 0;
}
