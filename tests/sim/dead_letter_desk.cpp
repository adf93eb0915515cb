#include "dead_letter_desk.hpp"

#include <algorithm>
#include <vector>

#include <openrun/wire/log_record.hpp>

namespace openrun::simulation {

DeadLetterDesk::DeadLetterDesk(Context& context, Cast& cast, Workload& workload, Nemesis& nemesis)
    : context_(context), cast_(cast), workload_(workload), nemesis_(nemesis) {}

void DeadLetterDesk::look() {
  accept_bulk_stops();
  if (context_.faults_on) replay_one();
  context_.scheduler.after(context_.random.between(200'000, 1'000'000), [this] { look(); });
}

void DeadLetterDesk::accept_bulk_stops() {
  for (auto& issuer : cast_.issuers) {
    for (const IssuerNode::BulkStop& stop : std::exchange(issuer->bulk_stops, {})) {
      context_.trace("operator", [&] { return "accepts from " + std::to_string(stop.first.value); });
      // Written to the table whatever else is going on: the operator tries until it is. All that is in the log now: the
      // store's refusals are found one by one, and nobody wants to be asked for each.
      const Offset end = context_.broker.bounds(ports::Topic::requests, stop.partition).end;
      context_.database.partition(stop.partition).accepted.emplace_back(stop.first, std::max(stop.last, end));
    }
  }
}

void DeadLetterDesk::append(Partition partition, const std::string& value) {
  if (context_.broker.available()) context_.broker.append(ports::Topic::requests, partition, "replay", value);
}

std::string DeadLetterDesk::repaired(Partition partition, const sim::DeadLetter& letter) {
  sim::Random& random = context_.random;
  if (letter.row.reason == "STORE_REFUSED") {
    if (random.chance(750)) nemesis_.forgive_users();
    return letter.row.value;
  }
  if (random.chance(200)) return letter.row.value;
  return wire::encode_request(random.next_u32(), workload_.any_campaign(partition), workload_.any_user(), "repaired");
}

void DeadLetterDesk::replay_one() {
  sim::Random& random = context_.random;
  if (!context_.database.readable()) return;
  const Partition partition{
      static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(context_.plan.partitions)))};
  std::vector<const sim::DeadLetter*> open;
  for (const auto& [offset, letter] : context_.database.partition(partition).dead_letters) {
    if (!letter.final_offset) open.push_back(&letter);
  }
  if (open.empty()) return;
  const sim::DeadLetter& letter = *open[random.below(open.size())];
  const std::string original = repaired(partition, letter);
  const auto replay = [&] {
    return wire::encode_replay(random.next_u32(), letter.row.offset, letter.row.log_time, original, 1);
  };
  context_.trace("operator", [&] { return "replays " + std::to_string(letter.row.offset.value); });
  append(partition, replay());
  if (!random.chance(350)) return;
  context_.coverage.count(Fault::replay_twice);
  context_.coverage.count(Situation::replay_twice);
  if (random.chance(500)) {
    context_.coverage.count(Situation::replay_twice_with_a_crash_between);
    context_.scheduler.after(random.between(100, 20'000), [this] { nemesis_.crash_an_issuer(); });
  }
  context_.scheduler.after(random.between(1'000, 400'000),
                           [this, partition, second = replay()] { append(partition, second); });
}

}  // namespace openrun::simulation
