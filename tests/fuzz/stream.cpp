// What strangers can send to both sides of a stream of outcomes. An input is an invitation, an answer to a greeting,
// and choices of messages, of where their bytes are cut and of what is done to them on their way. Nothing is ever heard
// that was not sent, in its order; what nobody touched is heard as a whole.
#include <algorithm>
#include <array>
#include <vector>

#include <openrun/stream/stream.hpp>

#include "frames.hpp"
#include "fuzz.hpp"
#include "greeting.hpp"

namespace openrun::fuzz {
namespace {

// Another one for each input: a fuzzer sees what its input is compared with, and so would find out by and by what a
// constant key seals.
crypto::SealingKey key_of(std::string_view input) {
  const std::uint64_t hash = hash_of(input);
  crypto::SealingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(hash >> (8 * (i % 8)));
  return key;
}

void check_invitation(std::string_view text) {
  const auto invitation = stream::read_invitation(text);
  if (!invitation) return;
  require(invitation->text() == text && text.size() < 256, "an invitation has one way to be written", text);
  require(invitation->port != 0, "an invitation names a port", text);
  for (const char c : text) require(c >= ' ' && c <= '~', "an invitation is printable", text);
}

void check_answer(std::string_view bytes) {
  const stream::Invitation invitation{"192.0.2.1", 9104, key_of(bytes)};
  std::array<std::uint8_t, stream::answer_bytes> answer{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), answer.size()), answer.begin());
  require(!stream::check_answer(invitation, stream::Nonce{}, answer), "who does not know the key does not listen",
          bytes);
}

// Gives `bytes` to a reader in pieces; false once it gave up.
bool read(const crypto::SealingKey& session, std::string_view bytes, Choices cuts, std::vector<std::string>& heard) {
  stream::FrameReader reader(session);
  std::string received;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, cuts.at_end() ? bytes.size() : cuts.one_of(64) + 1);
    received += piece;
    bytes.remove_prefix(piece.size());
    if (!reader.take(received, [&](std::string_view message) { heard.emplace_back(message); })) return false;
  }
  return true;
}

void check_garbage(std::string_view bytes) {
  std::vector<std::string> heard;
  (void)read(key_of(bytes), bytes, Choices(bytes), heard);
  require(heard.empty(), "nothing is heard that was not sealed", bytes);
}

void check_messages(std::string_view input) {
  const crypto::SealingKey session = key_of(input);
  Choices choices(input);
  crypto::Sealer sealer(session);
  std::vector<std::string> sent;
  std::string bytes;
  for (std::size_t count = choices.one_of(8); count > 0; --count) {
    sent.emplace_back(choices.text(choices.byte()));
    stream::write_frame(sealer, sent.back(), bytes);
  }
  std::vector<std::string> heard;
  require(read(session, bytes, choices, heard) && heard == sent, "what was sent is heard, however it is cut");
  if (bytes.empty()) return;

  std::string touched = bytes;
  const std::size_t at = choices.number(2) % bytes.size();
  const std::size_t length = choices.one_of(64);
  switch (choices.one_of(4)) {
    case 0:
      touched[at] = static_cast<char>(choices.byte());
      break;
    case 1:
      touched.erase(at, length);
      break;
    case 2:
      touched.insert(at, bytes.substr(choices.number(2) % bytes.size(), length));
      break;
    default:
      touched.insert(at, choices.text(length));
      break;
  }
  heard.clear();
  const bool is_good = read(session, touched, choices, heard);
  require(heard.size() <= sent.size() && std::equal(heard.begin(), heard.end(), sent.begin()),
          "what is heard was sent, in that order");
  // What was changed without a trace is what stands behind the last whole message, or nothing.
  require(touched == bytes || !is_good || heard.size() < sent.size() || touched.starts_with(bytes),
          "a change is noticed");
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  const std::string_view text = text_of(data, size);
  check_invitation(text);
  check_answer(text);
  check_garbage(text);
  check_messages(text);
  return 0;
}
