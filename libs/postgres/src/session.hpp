// A connection that is opened on first use and again after a failure, for stores whose every call stands alone. One
// thread at a time. A call lasts at most connect_timeout where it has to connect, and then statement_timeout for each
// of its statements.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <openrun/base/result.hpp>
#include <openrun/postgres/postgres.hpp>

#include "connection.hpp"
#include "watch.hpp"

namespace openrun::postgres {

class Session {
 public:
  Session(const Options& options, ports::Logger& logger);

  // work(Connection&) -> Sql<T>. A connection that is not idle afterwards is dropped, and its transaction with it.
  template <class Work>
  [[nodiscard]] auto run(Work&& work) -> Result<typename std::invoke_result_t<Work, Connection&>::value_type> {
    return perform(std::forward<Work>(work), {});
  }
  // The same for work that writes.
  template <class Work>
  [[nodiscard]] auto run_write(Work&& work) -> Result<typename std::invoke_result_t<Work, Connection&>::value_type> {
    return perform(std::forward<Work>(work), {.writes = true});
  }
  // The same for a write without a value.
  template <class Work>
  [[nodiscard]] Result<void> run_void(Work&& work) {
    auto result = perform(std::forward<Work>(work), {.writes = true});
    if (!result) return std::unexpected(std::move(result.error()));
    return {};
  }

  // Inside one REPEATABLE READ, READ ONLY transaction: everything that `work` reads is of one moment.
  template <class Work>
  [[nodiscard]] auto run_in_snapshot(Work&& work)
      -> Result<typename std::invoke_result_t<Work, Connection&>::value_type> {
    const auto in_snapshot = [&](Connection& connection) -> std::invoke_result_t<Work, Connection&> {
      // The server's own time-out would end a long table that flows well; the deadline of this side ends a silent one.
      if (auto begun =
              connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0");
          !begun) {
        return std::unexpected(std::move(begun.error()));
      }
      auto result = work(connection);
      if (!result) return result;
      if (auto ended = connection.execute("COMMIT"); !ended) return std::unexpected(std::move(ended.error()));
      return result;
    };
    return perform(in_snapshot, {.may_take_long = true});
  }

 private:
  template <class Work>
  [[nodiscard]] auto perform(Work&& work, Health::Call call)
      -> Result<typename std::invoke_result_t<Work, Connection&>::value_type> {
    watch_.begin(call);
    auto connection = ready();
    if (!connection) {
      watch_.end(&connection.error());
      return std::unexpected(to_error(connection.error()));
    }
    auto result = std::forward<Work>(work)(**connection);
    watch_.end(result ? nullptr : &result.error());
    if (!result) {
      forget_if_unusable(result.error());
      return std::unexpected(to_error(result.error()));
    }
    return std::move(*result);
  }
  [[nodiscard]] Sql<Connection*> ready();
  void forget_if_unusable(const Failure& failure);

  Options options_;
  ports::Logger& logger_;
  Watch watch_;
  Interrupt interrupt_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace openrun::postgres
