// One connection to Postgres over libpq, never blocking past a deadline that is kept on this side: statement_timeout is
// kept by the server, and a server that is frozen or cut off keeps nothing. (libpqxx 6 waits without a bound, and knows
// neither pipelines nor binary COPY.) One thread at a time, except Interrupt::raise().
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <libpq-fe.h>

#include <openrun/postgres/postgres.hpp>

#include "values.hpp"

namespace openrun::postgres {

// Why a statement did not succeed. `message` is for the operator and holds no value of any row.
struct Failure {
  enum class Cause {
    lost,             // no connection, or it broke: what was sent last may have been done
    timed_out,        // the deadline of this side passed: the same
    interrupted,      // Interrupt::raise(): the same
    ended,            // the server said that it ends this session, at the statement named; nothing behind it was run
    statement,        // the server refused the statement
    unauthenticated,  // no connection: the server wants another user or password, or encryption
    untrusted,        // no connection: one side does not accept the other's certificate, or TLS at all
    unusable,         // no connection: nobody can read the connection string
  };
  Cause cause = Cause::lost;
  std::string sqlstate;  // five characters; empty where the server did not say
  std::string message;
};
template <class T>
using Sql = std::expected<T, Failure>;

[[nodiscard]] Error to_error(const Failure& failure);

// The value through `change`; a failure as it is. (std::expected::transform is not in g++ 12.)
template <class T, class E, class Change>
[[nodiscard]] auto map(std::expected<T, E> result, Change&& change)
    -> std::expected<std::invoke_result_t<Change, T>, E> {
  if (!result) return std::unexpected(std::move(result.error()));
  return std::forward<Change>(change)(std::move(*result));
}

// Ends a wait of a connection from another thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  void raise();
  void clear();
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// A statement that is prepared on its second use, or before a pipeline. Both texts must live for ever.
struct Statement {
  const char* name;
  const char* sql;
};

// One element of a pipeline.
struct Step {
  const Statement* statement;
  Parameters parameters;
};

struct PipelineFailure {
  std::size_t index;  // how many steps are known to have been run
  Failure failure;
};

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  // `application` becomes application_name. The interrupt must outlive the connection.
  [[nodiscard]] static Sql<std::unique_ptr<Connection>> open(const Options& options, const std::string& application,
                                                             Interrupt& interrupt);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // How long each of the following waits for the server's answer, counted anew from its own beginning: what is made of
  // many statements must go on where the server or the way to it is merely slow. At first statement_timeout and a
  // little more, because the server's own time-out gives the better answer.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

  // False where the connection broke while nobody used it, or is left in the middle of something.
  [[nodiscard]] bool is_idle_and_alive();

  [[nodiscard]] Sql<Rows> query(const Statement& statement, const Parameters& parameters = {});
  // Several statements in one message; their rows are dropped.
  [[nodiscard]] Sql<void> execute(const std::string& sql);
  // Makes sure that these are prepared, in one round trip, and that their plans are not old: see plans_kept.
  [[nodiscard]] Sql<void> prepare(std::span<const Step> steps);
  // All steps in one round trip; how many rows each of them wrote. The steps must be prepared. Where none of them
  // begins a transaction they are one all the same, which the end of the pipeline commits: a failure behind the last
  // step may stand before that commit or behind it.
  [[nodiscard]] std::expected<std::vector<std::int64_t>, PipelineFailure> run_pipeline(std::span<const Step> steps);

  // A COPY ... TO STDOUT (FORMAT binary). The patience is counted anew with each message: a long table is no fault, a
  // silent server is.
  [[nodiscard]] Sql<std::uint64_t> copy_out(const std::string& sql,
                                            const std::function<void(std::span<const Field>)>& each);

  // A COPY ... FROM STDIN (FORMAT binary). `next` gives the next piece of what it reads, and an empty one at the end; a
  // piece is made while the server works on those before it.
  [[nodiscard]] Sql<void> copy_in(const std::string& sql, const std::function<std::string()>& next);

  [[nodiscard]] const std::string& application() const { return application_; }
  [[nodiscard]] Sql<void> rename(const std::string& application);

 private:
  // The server keeps the plan of a prepared statement until its table is analyzed, a minute later or more. One that was
  // made while the table was small may read all of it when it has long grown: with 10,000 campaigns that were made
  // since, each commit took 1.4 ms more, and a look for one of 200,000 coupons 18 ms. So plans are made anew after a
  // second, by the sizes that the tables have then; unless they were hardly used, when a moment more would be felt.
  static constexpr std::chrono::seconds plans_kept{1};
  static constexpr std::size_t plans_used_min = 64;

  Connection(PGconn* connection, std::string application, Interrupt& interrupt);
  [[nodiscard]] Sql<void> finish_connecting();
  void begin_waiting() { deadline_ = Clock::now() + patience_; }
  [[nodiscard]] Sql<void> wait(short events);
  [[nodiscard]] Sql<void> flush();
  [[nodiscard]] Sql<Rows> next_result();  // a result without rows at the end of a statement
  [[nodiscard]] Sql<Rows> last_result();  // the last one of a message; the first failure wins
  [[nodiscard]] Sql<void> send_pipeline_end();
  [[nodiscard]] Sql<void> forget_old_plans(std::size_t uses);
  [[nodiscard]] Failure lost() const;
  [[nodiscard]] Failure failure_of(const PGresult* result) const;

  PGconn* connection_;
  std::string application_;
  Interrupt& interrupt_;
  std::chrono::milliseconds patience_{0};
  Clock::time_point deadline_;
  std::set<std::string_view> prepared_;
  std::set<std::string_view> asked_;  // by query(), prepared or not
  Clock::time_point plans_since_ = Clock::now();
  std::size_t plans_used_ = 0;  // since then
  bool broken_ = false;
};

}  // namespace openrun::postgres
