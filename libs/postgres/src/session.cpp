#include "session.hpp"

namespace openrun::postgres {

Session::Session(const Options& options, ports::Logger& logger)
    : options_(options), logger_(logger), watch_(options.health) {
  if (options_.application.empty()) options_.application = "openrun";
}

Sql<Connection*> Session::ready() {
  if (connection_ && !connection_->is_idle_and_alive()) connection_.reset();
  if (!connection_) {
    auto opened = Connection::open(options_, options_.application, interrupt_);
    if (!opened) return std::unexpected(std::move(opened.error()));
    connection_ = std::move(*opened);
    watch_.connected();
  }
  return connection_.get();
}

void Session::forget_if_unusable(const Failure& failure) {
  if (connection_->is_idle_and_alive()) return;
  logger_.warning("a connection to Postgres is dropped", {{"error", failure.message}});
  connection_.reset();
}

}  // namespace openrun::postgres
