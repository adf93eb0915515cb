// For tests: a partition that starts empty, with a clock and an offset of its own. Every record's step is checked
// against the invariants and, by a second machine that is dropped and restored before each record, against restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/issuance/invariants.hpp>
#include <openrun/issuance/machine.hpp>

#include "src/test_rows.hpp"

namespace openrun::issuance::testing {

inline constexpr Timestamp noon{12 * 3'600'000};

[[nodiscard]] CampaignTerms terms_of(std::uint32_t stock, std::optional<Timestamp> ends_at = std::nullopt,
                                     std::uint32_t max_per_user = 1);

class World {
 public:
  World();

  void at(Timestamp time) { time_ = time; }
  [[nodiscard]] Timestamp time() const { return time_; }
  [[nodiscard]] Offset next_offset() const { return machine_.next_offset(); }

  // At the world's time and next offset.
  Decision apply(const Event& event);
  Decision apply(const Input& input);
  Decision request(std::uint32_t campaign, std::string_view user, std::string_view key = {});
  // Under a key of its own where none is given.
  Decision command(std::uint32_t campaign, decltype(CampaignCommand::action) action, std::string key = {});
  Decision create(std::uint32_t campaign, CampaignTerms terms) {
    return command(campaign, CreateCampaign{std::move(terms)});
  }
  // A record that cannot be decided; its offset, for replays.
  Offset dead_letter();
  Decision replay(Offset origin, Timestamp first_arrival, decltype(Replay::original) original);

  // Drops the machine and restores it from what was written.
  void restart();

  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] const Campaign& campaign(std::uint32_t id) const { return *machine_.find(CampaignId{id}); }

 private:
  std::optional<Campaign> campaign_named(const Event& event) const;

  Machine machine_;
  Machine restarted_;
  Rows rows_;
  Timestamp time_ = noon;
  std::uint64_t seed_ = 1;
};

[[nodiscard]] IssueRequested request_of(std::uint32_t campaign, std::string_view user, std::string_view key = {});
[[nodiscard]] CampaignCommand command_of(std::uint32_t campaign, std::string key,
                                         decltype(CampaignCommand::action) action);

[[nodiscard]] std::string describe(const std::vector<Violation>& violations);

}  // namespace openrun::issuance::testing

namespace openrun::issuance {
// How GoogleTest shows them.
std::ostream& operator<<(std::ostream& out, Outcome outcome);
std::ostream& operator<<(std::ostream& out, const Decision& decision);
}  // namespace openrun::issuance
