#include <algorithm>
#include <limits>

#include <zlib.h>

#include <openrun/wire/gzip.hpp>

namespace openrun::wire {
namespace {

constexpr int gzip_only = 16 + MAX_WBITS;
constexpr std::size_t step_bytes = 16 * 1024;

class Inflation {
 public:
  Inflation() : is_ready_(inflateInit2(&stream_, gzip_only) == Z_OK) {}
  ~Inflation() {
    if (is_ready_) inflateEnd(&stream_);
  }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;

  [[nodiscard]] bool is_ready() const { return is_ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool is_ready_;
};

std::unexpected<Error> damaged() {
  return fail(Error::Kind::invalid, "the body is not one whole gzip member");
}

}  // namespace

Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > std::numeric_limits<uInt>::max()) return fail(Error::Kind::overloaded, "the body is too large");
  Inflation inflation;
  if (!inflation.is_ready()) return fail(Error::Kind::internal, "zlib could not be initialised");
  z_stream& stream = inflation.stream();
  // zlib reads through a pointer that is not const, and does not write.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  for (;;) {
    // One byte more than is allowed tells "exactly so many" from "more".
    const std::size_t room = std::min(step_bytes, bytes_max + 1 - out.size());
    const std::size_t written = out.size();
    out.resize(written + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    stream.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(written + room - stream.avail_out);
    if (code != Z_OK && code != Z_STREAM_END) return damaged();
    if (out.size() > bytes_max) {
      return fail(Error::Kind::overloaded, "the body has more than " + std::to_string(bytes_max) + " bytes inflated");
    }
    if (code == Z_STREAM_END) break;
  }
  if (stream.avail_in > 0) return damaged();
  return out;
}

}  // namespace openrun::wire
