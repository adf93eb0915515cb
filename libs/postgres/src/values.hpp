// Values of Postgres in its binary wire format: parameters that are sent, rows that are read, rows of a binary COPY.
// Big endian; a timestamptz is microseconds since 2000-01-01T00:00:00Z. Plain memory, no I/O; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libpq-fe.h>

#include <openrun/base/ids.hpp>

namespace openrun::postgres {

// Object ids of the built-in types (pg_type.dat); fixed for ever.
enum class Type : Oid {
  boolean = 16,
  bytes = 17,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  timestamp = 1184,
  boolean_array = 1000,
  bytes_array = 1001,
  int4_array = 1007,
  text_array = 1009,
  int8_array = 1016,
  timestamp_array = 1185,
};

[[nodiscard]] std::int64_t to_microseconds_since_2000(Timestamp time);
// Rounds towards the past; what openrun writes has whole milliseconds.
[[nodiscard]] Timestamp from_microseconds_since_2000(std::int64_t microseconds);

void append_int16(std::string& out, std::int16_t value);
void append_int32(std::string& out, std::int32_t value);
void append_int64(std::string& out, std::int64_t value);

// One dimension of elements of one type, for `unnest`. NULL is allowed.
class Array {
 public:
  explicit Array(Type element);
  void add_int4(std::int32_t value);
  void add_int8(std::int64_t value);
  void add_boolean(bool value);
  void add_text(std::string_view value);  // text and bytea
  void add_timestamp(Timestamp value);
  void add_timestamp(std::optional<Timestamp> value);
  void add_null();

  [[nodiscard]] Type type() const;
  [[nodiscard]] std::string finished() const;

 private:
  Type element_;
  std::int32_t count_ = 0;
  bool has_null_ = false;
  std::string elements_;
};

// The parameters of one statement, in order ($1 first).
class Parameters {
 public:
  Parameters& int4(std::int32_t value);
  Parameters& int8(std::int64_t value);
  Parameters& boolean(bool value);
  Parameters& text(std::string_view value);
  Parameters& bytes(std::string_view value);
  Parameters& timestamp(Timestamp value);
  Parameters& array(const Array& value);

  [[nodiscard]] int size() const { return static_cast<int>(types_.size()); }
  [[nodiscard]] const Oid* types() const { return types_.data(); }
  // Valid until the next change.
  [[nodiscard]] std::vector<const char*> values() const;
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  Parameters& add(Type type, std::string_view bytes);
  std::vector<Oid> types_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<std::size_t> starts_;
  std::string arena_;
};

// One value of a row. Reading one of another width than asked for is a bug and aborts.
class Field {
 public:
  explicit Field(std::optional<std::string_view> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool is_null() const { return !bytes_; }
  [[nodiscard]] std::int64_t integer() const;  // int2, int4 or int8
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] Timestamp timestamp() const;
  [[nodiscard]] std::optional<Timestamp> timestamp_or_null() const;
  [[nodiscard]] std::string_view bytes() const;  // text or bytea; valid as long as the row
  [[nodiscard]] std::string string() const { return std::string(bytes()); }
  // The elements of a bytea[] without NULLs.
  [[nodiscard]] std::vector<std::string> byte_strings() const;

 private:
  std::optional<std::string_view> bytes_;
};

// The rows of one statement, read in binary.
class Rows {
 public:
  Rows() = default;
  explicit Rows(PGresult* result) : result_(result) {}
  // False at the end of a statement's results.
  [[nodiscard]] bool is_present() const { return result_ != nullptr; }
  [[nodiscard]] ExecStatusType status() const { return PQresultStatus(result_.get()); }
  [[nodiscard]] int size() const { return result_ ? PQntuples(result_.get()) : 0; }
  [[nodiscard]] Field at(int row, int column) const;
  // How many rows an INSERT, UPDATE or DELETE touched.
  [[nodiscard]] std::int64_t touched() const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// Writes what a COPY ... FROM STDIN (FORMAT binary) reads: begin(), for each row its fields in the order of the
// columns, end().
class CopyWriter {
 public:
  // What has been written since the last call.
  [[nodiscard]] std::string taken() { return std::exchange(out_, {}); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

  void begin();
  void row(std::int16_t columns);
  void int4(std::int32_t value);
  void int8(std::int64_t value);
  void text(std::string_view value);
  void timestamp(std::optional<Timestamp> value);  // empty: NULL
  void end();

 private:
  std::string out_;
};

// Reads one CopyData message of COPY ... TO STDOUT (FORMAT binary): the fields of a row, or nothing for header and
// trailer.
class CopyReader {
 public:
  // Views live as long as `message`. Aborts on bytes that are no binary COPY (the server is then not Postgres).
  [[nodiscard]] std::span<const Field> row(std::string_view message);

 private:
  bool header_read_ = false;
  std::vector<Field> fields_;
};

}  // namespace openrun::postgres
