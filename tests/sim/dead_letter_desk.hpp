// The operator: reads what issuers say, accepts bulk stops, replays dead letters, some of them twice. One thread.
#pragma once

#include <memory>

#include "nemesis.hpp"

namespace openrun::simulation {

class DeadLetterDesk {
 public:
  DeadLetterDesk(Context& context, Cast& cast, Workload& workload, Nemesis& nemesis);

  void begin() { look(); }

 private:
  void look();
  void accept_bulk_stops();
  void replay_one();
  void append(Partition partition, const std::string& value);
  [[nodiscard]] std::string repaired(Partition partition, const sim::DeadLetter& letter);

  Context& context_;
  Cast& cast_;
  Workload& workload_;
  Nemesis& nemesis_;
};

}  // namespace openrun::simulation
