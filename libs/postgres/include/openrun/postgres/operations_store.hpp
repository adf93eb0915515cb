// ports::OperationsStore and ports::AuditResults over libpq.
#pragma once

#include <memory>

#include <openrun/ports/audit_results.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/operations_store.hpp>
#include <openrun/postgres/postgres.hpp>

namespace openrun::postgres {

[[nodiscard]] std::unique_ptr<ports::OperationsStore> make_operations_store(const Options& options,
                                                                            ports::Logger& logger);
[[nodiscard]] std::unique_ptr<ports::AuditResults> make_audit_results(const Options& options, ports::Logger& logger);

}  // namespace openrun::postgres
