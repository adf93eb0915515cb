// The messages of a connection as bytes: a length (4 bytes, big endian), then that many bytes, a message sealed with
// the length as its header. One thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <openrun/crypto/sealing.hpp>

namespace openrun::stream {

inline constexpr std::size_t length_bytes = 4;

// Appends one to `out`.
void write_frame(crypto::Sealer& sealer, std::string_view message, std::string& out);

// Reads them again, however the bytes were cut.
class FrameReader {
 public:
  explicit FrameReader(const crypto::SealingKey& session) : opener_(session) {}

  // Takes what is whole off the front of `received`; `on_message` hears it, and its view lives as long as the call.
  // False: this is not what the broadcaster sealed next; nothing that follows can be trusted, nor may this be asked
  // again.
  [[nodiscard]] bool take(std::string& received, const std::function<void(std::string_view)>& on_message);

 private:
  crypto::Opener opener_;
  std::string message_;
};

}  // namespace openrun::stream
