// A connection that is opened on first use and again after a failure, for stores whose every call stands alone. One
// thread at a time. A call lasts at most connect_timeout where it has to connect, and then statement_timeout.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <openrun/base/result.hpp>
#include <openrun/postgres/postgres.hpp>

#include "connection.hpp"

namespace openrun::postgres {

class Session {
 public:
  Session(const Options& options, ports::Logger& logger);

  // work(Connection&) -> Sql<T>. A connection that is not idle afterwards is dropped, and its transaction with it.
  template <class Work>
  [[nodiscard]] auto run(Work&& work) -> Result<typename std::invoke_result_t<Work, Connection&>::value_type> {
    auto connection = ready();
    if (!connection) return std::unexpected(to_error(connection.error()));
    auto result = std::forward<Work>(work)(**connection);
    if (!result) {
      forget_if_unusable(result.error());
      return std::unexpected(to_error(result.error()));
    }
    return std::move(*result);
  }
  // The same for work without a value.
  template <class Work>
  [[nodiscard]] Result<void> run_void(Work&& work) {
    auto connection = ready();
    if (!connection) return std::unexpected(to_error(connection.error()));
    if (auto result = std::forward<Work>(work)(**connection); !result) {
      forget_if_unusable(result.error());
      return std::unexpected(to_error(result.error()));
    }
    return {};
  }

  // Inside one REPEATABLE READ, READ ONLY transaction: everything that `work` reads is of one moment.
  template <class Work>
  [[nodiscard]] auto run_in_snapshot(Work&& work)
      -> Result<typename std::invoke_result_t<Work, Connection&>::value_type> {
    return run([&](Connection& connection) -> std::invoke_result_t<Work, Connection&> {
      // The server's own time-out would end a long table that flows well; the deadline of this side ends a silent one.
      if (auto begun =
              connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0");
          !begun) {
        return std::unexpected(std::move(begun.error()));
      }
      auto result = work(connection);
      if (!result) return result;
      connection.set_deadline(Connection::Clock::now() + patience());
      if (auto ended = connection.execute("COMMIT"); !ended) return std::unexpected(std::move(ended.error()));
      return result;
    });
  }

  // How long this side waits for the server: a little longer than the server's own time-out, whose answer is the better
  // one.
  [[nodiscard]] std::chrono::milliseconds patience() const;

 private:
  [[nodiscard]] Sql<Connection*> ready();
  void forget_if_unusable(const Failure& failure);

  Options options_;
  ports::Logger& logger_;
  Interrupt interrupt_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace openrun::postgres
