// The metrics port over prometheus-cpp.
#pragma once

#include <memory>

#include <openrun/ports/metrics.hpp>
#include <openrun/telemetry/error_reports.hpp>

namespace openrun::telemetry {

// Also holds process metrics (process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds,
// process_threads, process_start_time_seconds) and openrun_build_info{version}, read when text() is called, and so are
// `reports`, where there are any. Any thread.
[[nodiscard]] std::unique_ptr<ports::Metrics> make_metrics(const char* daemon, const char* version,
                                                           std::shared_ptr<const ReportCounts> reports = nullptr);

}  // namespace openrun::telemetry
