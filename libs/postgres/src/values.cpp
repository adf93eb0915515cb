#include "values.hpp"

#include <bit>
#include <charconv>
#include <cstring>

#include <openrun/base/assert.hpp>

namespace openrun::postgres {
namespace {

constexpr std::int64_t milliseconds_1970_to_2000 = 946'684'800'000;
constexpr std::string_view copy_signature{"PGCOPY\n\377\r\n\0", 11};

template <class Integer>
void append_big_endian(std::string& out, Integer value) {
  const auto bytes = std::byteswap(value);
  char raw[sizeof(Integer)];
  std::memcpy(raw, &bytes, sizeof(Integer));
  out.append(raw, sizeof(Integer));
}

template <class Integer>
Integer read_big_endian(std::string_view bytes) {
  OPENRUN_ASSERT(bytes.size() >= sizeof(Integer), "a value from Postgres is shorter than its type");
  Integer value;
  std::memcpy(&value, bytes.data(), sizeof(Integer));
  return std::byteswap(value);
}

static_assert(std::endian::native == std::endian::little);

}  // namespace

std::int64_t to_microseconds_since_2000(Timestamp time) {
  return (time.value - milliseconds_1970_to_2000) * 1000;
}

Timestamp from_microseconds_since_2000(std::int64_t microseconds) {
  std::int64_t milliseconds = microseconds / 1000;
  if (microseconds % 1000 < 0) --milliseconds;
  return Timestamp{milliseconds + milliseconds_1970_to_2000};
}

void append_int16(std::string& out, std::int16_t value) {
  append_big_endian(out, value);
}
void append_int32(std::string& out, std::int32_t value) {
  append_big_endian(out, value);
}
void append_int64(std::string& out, std::int64_t value) {
  append_big_endian(out, value);
}

// ---- Array ----

Array::Array(Type element) : element_(element) {}

void Array::add_int4(std::int32_t value) {
  ++count_;
  append_int32(elements_, 4);
  append_int32(elements_, value);
}
void Array::add_int8(std::int64_t value) {
  ++count_;
  append_int32(elements_, 8);
  append_int64(elements_, value);
}
void Array::add_boolean(bool value) {
  ++count_;
  append_int32(elements_, 1);
  elements_.push_back(value ? '\1' : '\0');
}
void Array::add_text(std::string_view value) {
  ++count_;
  append_int32(elements_, static_cast<std::int32_t>(value.size()));
  elements_.append(value);
}
void Array::add_timestamp(Timestamp value) {
  add_int8(to_microseconds_since_2000(value));
}
void Array::add_timestamp(std::optional<Timestamp> value) {
  value ? add_timestamp(*value) : add_null();
}
void Array::add_null() {
  ++count_;
  has_null_ = true;
  append_int32(elements_, -1);
}

Type Array::type() const {
  switch (element_) {
    case Type::boolean:
      return Type::boolean_array;
    case Type::bytes:
      return Type::bytes_array;
    case Type::int4:
      return Type::int4_array;
    case Type::int8:
      return Type::int8_array;
    case Type::text:
      return Type::text_array;
    case Type::timestamp:
      return Type::timestamp_array;
    default:
      OPENRUN_ASSERT(false, "no array of this element type is used");
  }
}

std::string Array::finished() const {
  std::string out;
  out.reserve(elements_.size() + 20);
  append_int32(out, count_ == 0 ? 0 : 1);  // dimensions
  append_int32(out, has_null_ ? 1 : 0);
  append_int32(out, static_cast<std::int32_t>(element_));
  if (count_ > 0) {
    append_int32(out, count_);
    append_int32(out, 1);  // the first index
    out += elements_;
  }
  return out;
}

// ---- Parameters ----

Parameters& Parameters::add(Type type, std::string_view bytes) {
  types_.push_back(static_cast<Oid>(type));
  lengths_.push_back(static_cast<int>(bytes.size()));
  formats_.push_back(1);
  starts_.push_back(arena_.size());
  arena_.append(bytes);
  return *this;
}
Parameters& Parameters::int4(std::int32_t value) {
  std::string bytes;
  append_int32(bytes, value);
  return add(Type::int4, bytes);
}
Parameters& Parameters::int8(std::int64_t value) {
  std::string bytes;
  append_int64(bytes, value);
  return add(Type::int8, bytes);
}
Parameters& Parameters::boolean(bool value) {
  return add(Type::boolean, value ? std::string_view("\1", 1) : std::string_view("\0", 1));
}
Parameters& Parameters::text(std::string_view value) {
  return add(Type::text, value);
}
Parameters& Parameters::bytes(std::string_view value) {
  return add(Type::bytes, value);
}
Parameters& Parameters::timestamp(Timestamp value) {
  std::string bytes;
  append_int64(bytes, to_microseconds_since_2000(value));
  return add(Type::timestamp, bytes);
}
Parameters& Parameters::array(const Array& value) {
  return add(value.type(), value.finished());
}

std::vector<const char*> Parameters::values() const {
  std::vector<const char*> values;
  values.reserve(starts_.size());
  for (const std::size_t start : starts_) values.push_back(arena_.data() + start);
  return values;
}

// ---- reading ----

std::string_view Field::bytes() const {
  OPENRUN_ASSERT(bytes_, "a column that is never NULL came as NULL");
  return *bytes_;
}

std::int64_t Field::integer() const {
  switch (bytes().size()) {
    case 2:
      return read_big_endian<std::int16_t>(*bytes_);
    case 4:
      return read_big_endian<std::int32_t>(*bytes_);
    case 8:
      return read_big_endian<std::int64_t>(*bytes_);
    default:
      OPENRUN_ASSERT(false, "an integer from Postgres is 2, 4 or 8 bytes wide");
  }
}

bool Field::boolean() const {
  OPENRUN_ASSERT(bytes().size() == 1, "a boolean from Postgres is one byte wide");
  return bytes_->front() != 0;
}

Timestamp Field::timestamp() const {
  OPENRUN_ASSERT(bytes().size() == 8, "a timestamp from Postgres is 8 bytes wide");
  return from_microseconds_since_2000(read_big_endian<std::int64_t>(*bytes_));
}

std::optional<Timestamp> Field::timestamp_or_null() const {
  if (is_null()) return std::nullopt;
  return timestamp();
}

std::vector<std::string> Field::byte_strings() const {
  std::string_view rest = bytes();
  const auto take = [&rest]() {
    const auto value = read_big_endian<std::int32_t>(rest);
    rest.remove_prefix(4);
    return value;
  };
  std::vector<std::string> strings;
  const std::int32_t dimensions = take();
  take();  // has NULLs
  take();  // element type
  if (dimensions == 0) return strings;
  const std::int32_t count = take();
  take();  // the first index
  for (std::int32_t i = 0; i < count; ++i) {
    const std::int32_t length = take();
    OPENRUN_ASSERT(length >= 0 && static_cast<std::size_t>(length) <= rest.size(), "an array from Postgres is cut off");
    strings.emplace_back(rest.substr(0, static_cast<std::size_t>(length)));
    rest.remove_prefix(static_cast<std::size_t>(length));
  }
  return strings;
}

Field Rows::at(int row, int column) const {
  OPENRUN_ASSERT(row < size() && column < PQnfields(result_.get()), "this row or column is not in the result");
  if (PQgetisnull(result_.get(), row, column) != 0) return Field(std::nullopt);
  return Field(std::string_view(PQgetvalue(result_.get(), row, column),
                                static_cast<std::size_t>(PQgetlength(result_.get(), row, column))));
}

std::int64_t Rows::touched() const {
  const std::string_view text = result_ ? PQcmdTuples(result_.get()) : "";
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

// ---- COPY ----

void CopyWriter::begin() {
  out_ += copy_signature;
  append_int32(out_, 0);  // flags
  append_int32(out_, 0);  // no extension
}
void CopyWriter::row(std::int16_t columns) {
  append_int16(out_, columns);
}
void CopyWriter::int4(std::int32_t value) {
  append_int32(out_, 4);
  append_int32(out_, value);
}
void CopyWriter::int8(std::int64_t value) {
  append_int32(out_, 8);
  append_int64(out_, value);
}
void CopyWriter::text(std::string_view value) {
  append_int32(out_, static_cast<std::int32_t>(value.size()));
  out_ += value;
}
void CopyWriter::timestamp(std::optional<Timestamp> value) {
  if (!value) return append_int32(out_, -1);
  int8(to_microseconds_since_2000(*value));
}
void CopyWriter::end() {
  append_int16(out_, -1);
}

std::span<const Field> CopyReader::row(std::string_view message) {
  if (!header_read_) {
    OPENRUN_ASSERT(message.starts_with(copy_signature), "a binary COPY begins with its signature");
    const auto extension = read_big_endian<std::int32_t>(message.substr(15));
    message.remove_prefix(19 + static_cast<std::size_t>(extension));
    header_read_ = true;
    if (message.empty()) return {};
  }
  const auto count = read_big_endian<std::int16_t>(message);
  if (count < 0) return {};  // the trailer
  message.remove_prefix(2);
  fields_.clear();
  for (std::int16_t i = 0; i < count; ++i) {
    const auto length = read_big_endian<std::int32_t>(message);
    message.remove_prefix(4);
    if (length < 0) {
      fields_.emplace_back(std::nullopt);
      continue;
    }
    OPENRUN_ASSERT(static_cast<std::size_t>(length) <= message.size(), "a row of a binary COPY is cut off");
    fields_.emplace_back(message.substr(0, static_cast<std::size_t>(length)));
    message.remove_prefix(static_cast<std::size_t>(length));
  }
  return fields_;
}

}  // namespace openrun::postgres
