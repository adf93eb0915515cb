#include "row_writer.hpp"

#include <bit>
#include <stdexcept>
#include <type_traits>

namespace openrun::peers {
namespace {

constexpr const char* copy_text =
    "COPY bench_single_coupon (campaign_id, sequence, user_id, code, issued_at) FROM STDIN (FORMAT binary)";
constexpr const char* drop_text = "SET client_min_messages = warning; DROP TABLE IF EXISTS bench_single_coupon";
constexpr const char* create_text =
    "CREATE TABLE bench_single_coupon (campaign_id integer NOT NULL, sequence bigint NOT NULL, user_id text COLLATE "
    "\"C\" NOT NULL, code text COLLATE \"C\" NOT NULL, issued_at timestamptz NOT NULL, PRIMARY KEY (campaign_id, "
    "sequence), UNIQUE (user_id, campaign_id))";
constexpr std::string_view file_head("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::string_view file_end("\xff\xff", 2);

template <class Number>
void put(std::string& out, Number number) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  for (int shift = static_cast<int>(sizeof bits) * 8 - 8; shift >= 0; shift -= 8)
    out += static_cast<char>((bits >> shift) & 0xFF);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::int32_t>(text.size()));
  out += text;
}

void execute(const std::string& url, std::initializer_list<const char*> statements) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), PQfinish);
  for (const char* statement : statements) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement), PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  }
}

}  // namespace

void RowBatch::add(std::uint64_t sequence, std::string_view user, std::string_view code, std::int64_t since_2000_us) {
  put(rows_, std::int16_t{5});
  put(rows_, std::int32_t{4});
  put(rows_, std::int32_t{1});
  put(rows_, std::int32_t{8});
  put(rows_, sequence);
  put_text(rows_, user);
  put_text(rows_, code);
  put(rows_, std::int32_t{8});
  put(rows_, since_2000_us);
}

RowWriter::RowWriter(const std::string& url) : connection_(PQconnectdb(url.c_str()), PQfinish) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) refuse();
  if (PQsetnonblocking(connection_.get(), 1) != 0) refuse();
  begin_copy();
}

void RowWriter::make_table(const std::string& url) {
  execute(url, {drop_text, create_text});
}

void RowWriter::drop_table(const std::string& url) {
  execute(url, {drop_text});
}

void RowWriter::begin_copy() {
  if (PQsendQuery(connection_.get(), copy_text) != 1) refuse();
  state_ = State::beginning;
  flush();
}

void RowWriter::write(const RowBatch& batch) {
  for (const std::string_view part : {file_head, std::string_view(batch.rows()), file_end}) {
    if (PQputCopyData(connection_.get(), part.data(), static_cast<int>(part.size())) != 1) refuse();
  }
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) refuse();
  state_ = State::committing;
  flush();
}

bool RowWriter::on_ready() {
  if (PQconsumeInput(connection_.get()) != 1) refuse();
  flush();
  bool is_committed = false;
  while (state_ != State::ready && PQisBusy(connection_.get()) == 0) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_.get()), PQclear);
    if (!result) {
      is_committed = true;
      begin_copy();
      continue;
    }
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN) {
      state_ = State::ready;
    } else if (status != PGRES_COMMAND_OK) {
      refuse();
    }
  }
  return is_committed;
}

void RowWriter::flush() {
  const int left = PQflush(connection_.get());
  if (left < 0) refuse();
  unsent_ = left == 1;
}

void RowWriter::refuse() const {
  throw std::runtime_error(PQerrorMessage(connection_.get()));
}

}  // namespace openrun::peers
