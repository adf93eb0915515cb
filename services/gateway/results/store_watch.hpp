// Whether Postgres stands where it stood when it was last told of. Outcomes are published only after their commit, so a
// partition's checkpoint that is read after a result lies beyond that result. Where it doesn't, Postgres was restored
// to an earlier moment, or is another one, and the issuers still catch up from the log: until they have, it knows
// neither the campaigns nor the outcomes that people were told of, and nobody may be answered from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include <openrun/base/ids.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

#include "gateway/results/results_window.hpp"

namespace openrun::gateway {

// look() by one thread at a time, the rest by any.
class StoreWatch {
 public:
  // All outlive it. The store counts as one that stands where it should until begin().
  StoreWatch(const ResultsWindow& window, ports::Logger& logger, ports::Metrics& metrics)
      : window_(window), logger_(logger), metrics_(metrics) {}

  // From here on nothing is known, until a look has said so.
  void begin();
  // Reads the checkpoints, after it has noted what the window knows. `is_read_back`: the window knows all that was
  // published before the start. A store that doesn't answer changes nothing.
  void look(ports::GatewayStore& store, std::int32_t partitions, bool is_read_back);

  [[nodiscard]] bool fits() const { return fits_.load(std::memory_order_acquire); }
  // Why nobody may be answered from the store, fit for anybody's eyes; empty where fits().
  [[nodiscard]] std::string trouble() const;

 private:
  void tell(const std::string& trouble, Partition partition, Offset checkpoint, Offset published);

  const ResultsWindow& window_;
  ports::Logger& logger_;
  ports::Metrics& metrics_;
  std::atomic<bool> fits_{true};
  bool is_behind_ = false;  // as it was told last
  mutable std::mutex mutex_;
  std::string trouble_;
};

}  // namespace openrun::gateway
