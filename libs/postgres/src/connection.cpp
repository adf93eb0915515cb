#include "connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>
#include <openrun/base/secret_file.hpp>

namespace openrun::postgres {
namespace {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultOwner = std::unique_ptr<PGresult, ClearResult>;

std::string field_of(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? std::string() : std::string(text);
}

// libpq ends its messages with a line break and may use several lines.
std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// "connection to server at ... failed: FATAL:  53300: sorry, too many clients already LOCATION: ..." names its
// SQLSTATE. The word before it is in the server's language, so it is the form that is looked for.
std::string sqlstate_in(std::string_view message) {
  constexpr std::size_t length = 5;
  const auto is_symbol = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = message.find(":  "); at != std::string_view::npos; at = message.find(":  ", at + 1)) {
    const std::string_view state = message.substr(at + 3, length);
    if (message.substr(at + 3 + length).starts_with(": ") && std::ranges::all_of(state, is_symbol))
      return std::string(state);
  }
  return {};
}

// What libpq says about a connection string that it cannot read repeats a part of it, which may be the password.
std::optional<Failure> mistake_in(const std::string& url) {
  // As libpq decides: anything else is the name of a database.
  const bool is_string =
      url.find('=') != std::string::npos || url.starts_with("postgresql://") || url.starts_with("postgres://");
  if (!is_string) return std::nullopt;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), nullptr);
  if (options == nullptr) {
    return Failure{Failure::Cause::unusable, "",
                   "postgres.url is no connection string that libpq can read; in a URL write the special characters of "
                   "the password as %XX, or put the password into postgres.password_file"};
  }
  PQconninfoFree(options);
  return std::nullopt;
}

// Why a connection could not be made, with what to look at. libpq's own messages are always in English: nobody here
// sets a locale.
Failure explained(Failure failure) {
  const auto holds = [&failure](const char* text) { return failure.message.find(text) != std::string::npos; };
  if (failure.cause != Failure::Cause::lost) return failure;
  if (failure.sqlstate.starts_with("28") ||
      (failure.sqlstate.empty() && (holds("no password supplied") || holds("authentication")))) {
    failure.cause = Failure::Cause::unauthenticated;
    failure.message += "; check postgres.url, postgres.password_file and the server's pg_hba.conf";
  } else if (failure.sqlstate.empty() &&
             (holds("certificate") || holds("private key") || holds("SSL error") || holds("does not support SSL"))) {
    failure.cause = Failure::Cause::untrusted;
    failure.message += "; check sslmode, sslrootcert, sslcert and sslkey in postgres.url, and the server's certificate";
  }
  return failure;
}

std::string session_settings(const Options& options) {
  const auto ms = [](std::chrono::milliseconds value) { return std::to_string(value.count()); };
  // A session that is idle in its transaction for twice a statement's time belongs to a frozen or broken process.
  // client_connection_check_interval: a statement whose client is gone ends, also while it waits for a lock.
  return "SET statement_timeout = " + ms(options.statement_timeout) +
         "; SET lock_timeout = " + ms(options.lock_timeout) +
         "; SET idle_in_transaction_session_timeout = " + ms(2 * options.statement_timeout) +
         "; SET client_connection_check_interval = 1000; SET TimeZone = 'UTC'; SET client_min_messages = error";
}

}  // namespace

Error to_error(const Failure& failure) {
  using enum Error::Kind;
  const std::string_view state = failure.sqlstate;
  const std::string_view state_class = state.substr(0, 2);
  Error::Kind kind = internal;
  std::string hint;
  if (failure.cause == Failure::Cause::unusable) {
    kind = invalid;
  } else if (failure.cause != Failure::Cause::statement || state == "55P03" || state == "57014" ||
             state_class == "40" || state_class == "57" || state_class == "08") {
    kind = unavailable;
  } else if (state_class == "53") {
    kind = overloaded;
  } else if (state == "23505" || state == "OR001") {
    kind = conflict;
  } else if (state_class == "22") {
    kind = invalid;
  } else if (state == "42P01" || state == "42703" || state == "42883") {
    hint = "; the schema is not this build's: run `openrun migrate`";
  }
  return {kind, failure.message + hint};
}

// ---- Interrupt ----

Interrupt::Interrupt() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  OPENRUN_ASSERT(descriptor_ >= 0, "no file descriptor is left: raise the limit (ulimit -n)");
}
Interrupt::~Interrupt() {
  ::close(descriptor_);
}
void Interrupt::raise() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}
void Interrupt::clear() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(descriptor_, &count, sizeof count);
}

// ---- opening ----

Connection::Connection(PGconn* connection, std::string application, Interrupt& interrupt)
    : connection_(connection), application_(std::move(application)), interrupt_(interrupt) {}

Connection::~Connection() {
  // Cut off rather than say goodbye where something went wrong: a frozen server would not take the message.
  if (broken_ && PQsocket(connection_) >= 0) ::shutdown(PQsocket(connection_), SHUT_RDWR);
  PQfinish(connection_);
}

Sql<std::unique_ptr<Connection>> Connection::open(const Options& options, const std::string& application,
                                                  Interrupt& interrupt) {
  if (auto mistake = mistake_in(options.url)) return std::unexpected(std::move(*mistake));
  const Result<std::string> password =
      options.password_file.empty() ? Result<std::string>("") : read_secret(options.password_file);
  if (!password) {
    return std::unexpected(
        Failure{Failure::Cause::unauthenticated, "", "postgres.password_file names " + password.error().message});
  }
  // Later entries override what the URL says; libpq passes over empty ones.
  const std::string connect_timeout = std::to_string(options.connect_timeout.count());
  const std::array keywords{"dbname",
                            "password",
                            "application_name",
                            "client_encoding",
                            "connect_timeout",
                            "keepalives",
                            "keepalives_idle",
                            "keepalives_interval",
                            "keepalives_count",
                            "tcp_user_timeout",
                            static_cast<const char*>(nullptr)};
  const std::array values{options.url.c_str(),
                          password->c_str(),
                          application.c_str(),
                          "UTF8",
                          connect_timeout.c_str(),
                          "1",
                          "5",
                          "2",
                          "3",
                          "10000",
                          static_cast<const char*>(nullptr)};
  static_assert(keywords.size() == values.size());
  PGconn* raw = PQconnectStartParams(keywords.data(), values.data(), 1);
  OPENRUN_ASSERT(raw != nullptr, "out of memory");
  std::unique_ptr<Connection> connection(new Connection(raw, application, interrupt));
  connection->patience_ = options.connect_timeout;
  connection->begin_waiting();
  // The SQLSTATE of a refused connection stands in libpq's verbose message alone.
  PQsetErrorVerbosity(raw, PQERRORS_VERBOSE);
  if (auto done = connection->finish_connecting(); !done) return std::unexpected(explained(std::move(done.error())));
  PQsetErrorVerbosity(raw, PQERRORS_DEFAULT);
  connection->set_patience(options.statement_timeout + std::chrono::milliseconds(500));
  if (PQsetnonblocking(raw, 1) != 0) return std::unexpected(connection->lost());
  if (auto done = connection->execute(session_settings(options)); !done) return std::unexpected(done.error());
  return connection;
}

Sql<void> Connection::finish_connecting() {
  if (PQstatus(connection_) == CONNECTION_BAD) return std::unexpected(lost());
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return std::unexpected(lost());
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (auto ready = wait(events); !ready) return ready;
    next = PQconnectPoll(connection_);
  }
  return {};
}

bool Connection::is_idle_and_alive() {
  if (broken_ || PQstatus(connection_) != CONNECTION_OK || PQtransactionStatus(connection_) != PQTRANS_IDLE)
    return false;
  pollfd socket{PQsocket(connection_), POLLIN, 0};
  if (::poll(&socket, 1, 0) == 0) return true;
  // Nobody asked anything, so this is a farewell or the end of the stream (or a parameter's change: then it costs a
  // reconnect).
  return false;
}

// ---- waiting ----

Failure Connection::lost() const {
  std::string message = one_line(PQerrorMessage(connection_));
  std::string sqlstate = sqlstate_in(message);
  // Behind it stands a place in Postgres's sources.
  if (!sqlstate.empty()) message = message.substr(0, message.find(" LOCATION:"));
  return {Failure::Cause::lost, std::move(sqlstate), std::move(message)};
}

Failure Connection::failure_of(const PGresult* result) const {
  Failure failure;
  failure.sqlstate = field_of(result, PG_DIAG_SQLSTATE);
  const std::string severity = field_of(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (failure.sqlstate.empty()) {
    failure.cause = Failure::Cause::lost;
    failure.message = one_line(PQresultErrorMessage(result));
    return failure;
  }
  failure.cause = severity == "ERROR" ? Failure::Cause::statement : Failure::Cause::ended;
  failure.message = "SQLSTATE " + failure.sqlstate;
  // The text of class 22 (data exceptions) repeats the offending value, which may be somebody's name.
  if (!failure.sqlstate.starts_with("22"))
    failure.message += ": " + one_line(field_of(result, PG_DIAG_MESSAGE_PRIMARY));
  for (const int name : {PG_DIAG_TABLE_NAME, PG_DIAG_COLUMN_NAME, PG_DIAG_CONSTRAINT_NAME}) {
    if (const std::string text = field_of(result, name); !text.empty()) failure.message += " [" + text + "]";
  }
  return failure;
}

Sql<void> Connection::wait(short events) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    if (left <= 0) {
      broken_ = true;
      return std::unexpected(Failure{Failure::Cause::timed_out, "", "Postgres did not answer in time"});
    }
    std::array<pollfd, 2> descriptors{{{PQsocket(connection_), events, 0}, {interrupt_.descriptor(), POLLIN, 0}}};
    const int ready =
        ::poll(descriptors.data(), descriptors.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) {
      broken_ = true;
      return std::unexpected(Failure{Failure::Cause::lost, "", std::string("poll: ") + std::strerror(errno)});
    }
    if (ready <= 0) continue;
    if (descriptors[1].revents != 0) {
      broken_ = true;
      return std::unexpected(Failure{Failure::Cause::interrupted, "", "the call was ended by its owner"});
    }
    return {};
  }
}

Sql<void> Connection::flush() {
  for (;;) {
    const int state = PQflush(connection_);
    if (state == 0) return {};
    if (state < 0) {
      broken_ = true;
      return std::unexpected(lost());
    }
    // Read as well: a server that cannot get rid of its answers stops reading.
    if (auto ready = wait(POLLIN | POLLOUT); !ready) return ready;
    if (PQconsumeInput(connection_) == 0) {
      broken_ = true;
      return std::unexpected(lost());
    }
  }
}

Sql<Rows> Connection::next_result() {
  while (PQisBusy(connection_) != 0) {
    if (auto ready = wait(POLLIN); !ready) return std::unexpected(ready.error());
    // The server's last words, if any, are in the result.
    if (PQconsumeInput(connection_) == 0) break;
  }
  PGresult* raw = PQgetResult(connection_);
  if (raw == nullptr) return Rows();
  ResultOwner result(raw);
  switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_PIPELINE_SYNC:
      return Rows(result.release());
    default: {
      Failure failure = failure_of(raw);
      if (failure.cause != Failure::Cause::statement || PQstatus(connection_) != CONNECTION_OK) broken_ = true;
      return std::unexpected(std::move(failure));
    }
  }
}

Sql<Rows> Connection::last_result() {
  Rows last;
  std::optional<Failure> first_failure;
  for (;;) {
    auto result = next_result();
    if (!result) {
      if (!first_failure) first_failure = std::move(result.error());
      if (broken_) break;
      continue;
    }
    if (!result->is_present()) break;
    last = std::move(*result);
  }
  if (first_failure) return std::unexpected(std::move(*first_failure));
  return last;
}

}  // namespace openrun::postgres
