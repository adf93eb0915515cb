// What issuers tell as soon as they have committed it, some milliseconds before it comes through the log. The log alone
// says how far the results are known, and counts them: this only makes them known earlier.
#pragma once

#include <functional>
#include <string_view>

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::gateway {

class StreamedResults {
 public:
  struct Hooks {
    // Whether the log was once read to its end. Until then what is told is left to the log: the holes below it would
    // look like outcomes that are missing.
    std::function<bool()> ready;
    std::function<void(const wire::ResultBatch&)> apply;
  };
  StreamedResults(Hooks hooks, ports::Logger& logger, ports::Metrics& metrics);

  // The payload of one record of openrun.results. One thread at a time.
  void hear(std::string_view payload);

 private:
  const Hooks hooks_;
  ports::Logger& logger_;
  ports::Counter& heard_;
};

}  // namespace openrun::gateway
