#include "frames.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include <openrun/stream/stream.hpp>

namespace openrun::stream {
namespace {

using Length = std::array<std::uint8_t, length_bytes>;

Length write_length(std::size_t length) {
  return {static_cast<std::uint8_t>(length >> 24), static_cast<std::uint8_t>(length >> 16),
          static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
}

std::size_t read_length(const Length& bytes) {
  return std::size_t{bytes[0]} << 24 | std::size_t{bytes[1]} << 16 | std::size_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

void write_frame(crypto::Sealer& sealer, std::string_view message, std::string& out) {
  const Length length = write_length(message.size() + crypto::seal_bytes);
  out.append(length.begin(), length.end());
  sealer.seal(length, message, out);
}

bool FrameReader::take(std::string& received, const std::function<void(std::string_view)>& on_message) {
  std::string_view rest = received;
  while (rest.size() >= length_bytes) {
    Length header{};
    std::copy_n(rest.begin(), length_bytes, header.begin());
    const std::size_t length = read_length(header);
    // Before it has come: nobody makes us keep more than a message.
    if (length < crypto::seal_bytes || length > message_bytes_max + crypto::seal_bytes) return false;
    if (rest.size() < length_bytes + length) break;
    if (!opener_.open(header, rest.substr(length_bytes, length), message_)) return false;
    on_message(message_);
    rest.remove_prefix(length_bytes + length);
  }
  received.erase(0, received.size() - rest.size());
  return true;
}

}  // namespace openrun::stream
