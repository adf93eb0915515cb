// The limit that the issuer is measured against: COPY of the same rows into a table of the same shape and indexes, in
// transactions of the same size, and nothing else. openrun-bench-copy URL ROWS BATCH -> prints rows a second.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <libpq-fe.h>

namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

void run(PGconn* connection, const char* sql) {
  PGresult* result = PQexec(connection, sql);
  const ExecStatusType status = PQresultStatus(result);
  PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_COPY_IN && status != PGRES_TUPLES_OK) {
    std::fprintf(stderr, "%s: %s", sql, PQerrorMessage(connection));
    std::exit(1);
  }
}

std::string row(long number) {
  const std::string n = std::to_string(number);
  // Ten Hangul symbols that spread over the key space, as the encrypted codes do.
  std::string code;
  for (unsigned long x = static_cast<unsigned long>(number) * 0x9E3779B97F4A7C15UL, i = 0; i < 10; ++i, x >>= 6) {
    code += "\xEA\xB0";
    code += static_cast<char>(0x80 + (x & 0x3F));
  }
  return "1\t" + n + "\tuser-" + n + "\t\t" + code + "\tUNUSED\t2026-01-01 00:00:00.000+00\t\\N\t\\N\t\\N\t0\t" + n +
         "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: openrun-bench-copy URL ROWS BATCH\n");
    return 2;
  }
  const long rows = std::atol(argv[2]);
  const long batch = std::atol(argv[3]);
  const Connection connection(PQconnectdb(argv[1]), PQfinish);
  run(connection.get(), "SET client_min_messages = warning");
  run(connection.get(), "DROP TABLE IF EXISTS bench_coupon");
  run(connection.get(), "CREATE TABLE bench_coupon (LIKE coupon INCLUDING ALL)");
  const auto begin = std::chrono::steady_clock::now();
  for (long done = 0; done < rows; done += batch) {
    run(connection.get(), "BEGIN");
    run(connection.get(),
        "COPY bench_coupon (campaign_id, sequence, user_id, idempotency_key, code, status, issued_at, valid_until, "
        "used_at, redeem_key, "
        "request_partition, request_offset) FROM STDIN");
    std::string data;
    for (long i = done + 1; i <= done + batch; ++i) data += row(i);
    if (PQputCopyData(connection.get(), data.data(), static_cast<int>(data.size())) != 1 ||
        PQputCopyEnd(connection.get(), nullptr) != 1) {
      std::fprintf(stderr, "%s", PQerrorMessage(connection.get()));
      return 1;
    }
    PGresult* result = PQgetResult(connection.get());
    const bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    while ((result = PQgetResult(connection.get())) != nullptr) PQclear(result);
    if (!ok) {
      std::fprintf(stderr, "%s", PQerrorMessage(connection.get()));
      return 1;
    }
    run(connection.get(), "COMMIT");
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run(connection.get(), "DROP TABLE bench_coupon");
  std::printf("%.0f\n", static_cast<double>(rows) / seconds);
}
