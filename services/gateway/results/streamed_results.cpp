#include "gateway/results/streamed_results.hpp"

#include <string>
#include <utility>

namespace openrun::gateway {

StreamedResults::StreamedResults(Hooks hooks, ports::Logger& logger, ports::Metrics& metrics)
    : hooks_(std::move(hooks)),
      logger_(logger),
      heard_(metrics.counter("openrun_results_streamed_total",
                             "Result batches that were heard from their issuer before they came through the log")) {}

void StreamedResults::hear(std::string_view payload) {
  if (!hooks_.ready()) return;
  const Result<wire::ResultBatch> batch = wire::decode_result_batch(payload);
  if (!batch) {
    logger_.error("an issuer tells what is no batch of results; the log's copy counts",
                  {{"error", batch.error().message}});
    return;
  }
  heard_.add();
  hooks_.apply(*batch);
}

}  // namespace openrun::gateway
