// Reads protobuf's wire format in place, strictly: what it yields points into the bytes it was given. Used where views
// must live in a Kafka record, and where the answer must be the same for ever, whatever version of the library is
// installed. One thread at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace openrun::wire {

static_assert(std::endian::native == std::endian::little, "protobuf's fixed widths are read as they stand");

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] std::uint32_t field() const { return field_; }

  // The next tag. False where it is malformed, of field 0, or of a group.
  [[nodiscard]] bool next() {
    std::uint32_t tag = 0;
    if (!short_varint(tag)) return false;
    field_ = tag >> 3;
    type_ = tag & 7;
    return field_ != 0 && (type_ == 0 || type_ == 1 || type_ == 2 || type_ == 5);
  }

  // The value of the field just named. False where it has another wire type, is cut short, or is out of the type's
  // range.
  [[nodiscard]] bool read(std::uint64_t& value) { return type_ == 0 && varint(value); }
  [[nodiscard]] bool read(std::int64_t& value) {
    std::uint64_t raw = 0;
    if (!read(raw)) return false;
    value = static_cast<std::int64_t>(raw);
    return true;
  }
  [[nodiscard]] bool read(std::uint32_t& value) {
    std::uint64_t raw = 0;
    if (!read(raw) || raw > std::numeric_limits<std::uint32_t>::max()) return false;
    value = static_cast<std::uint32_t>(raw);
    return true;
  }
  [[nodiscard]] bool read(bool& value) {
    std::uint64_t raw = 0;
    if (!read(raw) || raw > 1) return false;
    value = raw == 1;
    return true;
  }
  [[nodiscard]] bool read(std::string_view& value) {
    std::uint32_t length = 0;
    if (type_ != 2 || !short_varint(length) || length > left()) return false;
    value = {at_, length};
    at_ += length;
    return true;
  }
  [[nodiscard]] bool read_zigzag(std::int64_t& value) {
    std::uint64_t raw = 0;
    if (!read(raw)) return false;
    value = unzigzag(raw);
    return true;
  }
  [[nodiscard]] bool read_fixed32(std::uint32_t& value) {
    if (type_ != 5 || left() < sizeof value) return false;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return true;
  }
  [[nodiscard]] bool skip() {
    std::uint64_t number = 0;
    std::string_view bytes;
    switch (type_) {
      case 0:
        return varint(number);
      case 2:
        return read(bytes);
      default: {
        const std::size_t width = type_ == 1 ? 8 : 4;
        if (left() < width) return false;
        at_ += width;
        return true;
      }
    }
  }

  // A bare number, as in a packed field. At most ten bytes, the tenth at most 1.
  [[nodiscard]] bool varint(std::uint64_t& value) {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) [[likely]] {
      value = static_cast<unsigned char>(*at_++);
      return true;
    }
    return long_varint(value);
  }

  [[nodiscard]] static constexpr std::int64_t unzigzag(std::uint64_t raw) {
    return static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
  }

 private:
  // A tag or a length: in at most five bytes, as protobuf's own readers want it, however many of them say nothing.
  [[nodiscard]] bool short_varint(std::uint32_t& value) {
    const char* const start = at_;
    std::uint64_t raw = 0;
    if (!varint(raw) || at_ - start > 5 || raw > std::numeric_limits<std::uint32_t>::max()) return false;
    value = static_cast<std::uint32_t>(raw);
    return true;
  }

  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  [[nodiscard]] bool long_varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      if (shift == 63 && byte > 1) return false;
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  const char* at_;
  const char* end_;
  std::uint32_t field_ = 0;
  std::uint32_t type_ = 0;
};

// Walks a message whose every field must be known and stand at most once: on_field(reader) reads one field and says
// whether it could. Field numbers below 32.
template <class OnField>
[[nodiscard]] bool read_strictly(std::string_view bytes, OnField&& on_field) {
  ProtoReader reader(bytes);
  std::uint32_t seen = 0;
  while (!reader.at_end()) {
    if (!reader.next() || reader.field() >= 32 || ((seen >> reader.field()) & 1) != 0) return false;
    seen |= 1U << reader.field();
    if (!on_field(reader)) return false;
  }
  return true;
}

}  // namespace openrun::wire
