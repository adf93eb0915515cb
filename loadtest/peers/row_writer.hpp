// One connection to Postgres on which a COPY always stands open: a batch costs one round trip, because the next COPY
// has been begun before its rows are there. One thread, nothing blocks after the constructor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <libpq-fe.h>

namespace openrun::peers {

// Rows of one COPY in Postgres's binary format.
class RowBatch {
 public:
  void add(std::uint64_t sequence, std::string_view user, std::string_view code, std::int64_t since_2000_us);
  [[nodiscard]] bool is_empty() const { return rows_.empty(); }
  [[nodiscard]] const std::string& rows() const { return rows_; }
  void clear() { rows_.clear(); }

 private:
  std::string rows_;
};

class RowWriter {
 public:
  // Throws std::runtime_error where the server can't be reached.
  explicit RowWriter(const std::string& url);

  // Makes the table anew: coupon_table with both unique indexes.
  static void make_table(const std::string& url);
  static void drop_table(const std::string& url);

  [[nodiscard]] int descriptor() const { return PQsocket(connection_.get()); }
  // A COPY stands open and takes a batch.
  [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
  // Sends the batch and its end; it commits by itself. is_ready() is needed.
  void write(const RowBatch& batch);
  // The socket is ready. True where the batch has been committed: then it may be told to anyone. Throws
  // std::runtime_error where Postgres refuses.
  bool on_ready();
  // Whether bytes are left to send; look after write() and on_ready().
  [[nodiscard]] bool wants_write() const { return unsent_; }

 private:
  enum class State : std::uint8_t { beginning, ready, committing };
  void begin_copy();
  void flush();
  [[noreturn]] void refuse() const;

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  State state_ = State::beginning;
  bool unsent_ = false;
};

}  // namespace openrun::peers
