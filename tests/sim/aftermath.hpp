// What may still happen once all is settled: a gateway misses that stock was added; old results come again, all of them
// and in any order, while the store is away; and a log loses records that were decided. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "nemesis.hpp"

namespace openrun::simulation {

class Aftermath {
 public:
  Aftermath(Context& context, Checker& checker, Cast& cast, Workload& workload)
      : context_(context), checker_(checker), cast_(cast), workload_(workload) {}

  // Stock is added to a campaign that was sold out while one gateway stands still; false where there is none such. Then
  // the results go before that gateway goes on. The first who asks it may be told SOLD_OUT, who asks later may not.
  bool begin_missed_restock();
  void end_missed_restock();
  void ask_for_missed_restock(bool again);

  // Every row of the outbox once more.
  void repeat_results();
  // Takes the store away and asks every gateway for every receipt and every campaign. What it says the second time must
  // be what it said the first time; that it cannot know without the store is no answer.
  void ask_without_store();
  void give_store_back() { context_.database.set_down(false); }

  // Ends all issuers, takes records from a log that were decided or would have been, and starts the issuers again.
  // False where no log has enough records.
  bool lose_a_log();

 private:
  void ask_about(std::size_t gateway, const std::string& what, const std::string& path, const Asked& asked);
  void answered(std::size_t gateway, const std::string& what, CampaignId campaign, const Told& told);
  void lose(Fault fault, Partition partition, Offset next);
  void append_others(Partition partition, std::int64_t count);

  Context& context_;
  Checker& checker_;
  Cast& cast_;
  Workload& workload_;
  std::size_t frozen_ = 0;  // the gateway that misses a restock
  CampaignId restocked_;
  std::map<std::pair<std::size_t, std::string>, std::string> answers_;  // by gateway and question
};

}  // namespace openrun::simulation
