// Where a result batch goes, from the feed or from the store: into the window, to the winners, to the campaigns'
// counters, and to those who wait. Any thread; the same batch any number of times.
#pragma once

#include <atomic>

#include <openrun/ports/clock.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/campaigns/campaign_cache.hpp"
#include "gateway/campaigns/directory.hpp"
#include "gateway/campaigns/winners.hpp"
#include "gateway/results/results_window.hpp"
#include "gateway/waits/lanes.hpp"

namespace openrun::gateway {

class ResultsSink {
 public:
  ResultsSink(ResultsWindow& window, Winners& winners, CampaignCache& cache, Directory& directory, Lanes& lanes,
              const ports::Clock& clock)
      : window_(window), winners_(winners), cache_(cache), directory_(directory), lanes_(lanes), clock_(clock) {}

  // `live`: the reader of this partition has reached the end once. Before that, a command of long ago does not make its
  // campaign known: its counters would be as old.
  void apply(const wire::ResultBatch& batch, bool live);
  // Outcomes only, of a batch that was read from the store.
  void repair(const wire::ResultBatch& batch);

 private:
  ResultsWindow& window_;
  Winners& winners_;
  CampaignCache& cache_;
  Directory& directory_;
  Lanes& lanes_;
  const ports::Clock& clock_;
};

}  // namespace openrun::gateway
