// How the server is, for those who look before an event. It reads only, and blocks: connect_timeout once, and
// statement_timeout for each of some ten statements. Any thread.
#pragma once

#include <string>

#include <openrun/base/result.hpp>
#include <openrun/ports/inspection.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/postgres/postgres.hpp>

namespace openrun::postgres {

// Needs no tables of openrun. Without the rights of pg_monitor some of it is not known. Error::Kind::unavailable: the
// server did not answer, and nothing is known.
[[nodiscard]] Result<ports::StoreServer> inspect_server(const Options& options, ports::Logger& logger);

// What check_schema() (postgres.hpp) looks at, apart.
[[nodiscard]] ports::SchemaState inspect_schema(const Options& options, const std::string& code_key_fingerprint);

}  // namespace openrun::postgres
