// The ports of gateway and relay over the simulated database. Each call asks `fate` what becomes of it; answers to
// gateways may be a while old, as those that were on their way are. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>

#include <openrun/ports/gateway_store.hpp>
#include <openrun/ports/outbox.hpp>
#include <openrun/sim/database.hpp>

namespace openrun::sim {

enum class CallFate : std::uint8_t {
  clean,
  refused,      // not performed, and the answer says so
  answer_lost,  // performed, and the answer says that it failed
};
using DecideCall = std::function<CallFate()>;

class SimulatedOutbox final : public ports::Outbox {
 public:
  SimulatedOutbox(Database& database, DecideCall fate) : database_(database), fate_(std::move(fate)) {}

  // Before a cursor is saved, and before dead letters are marked.
  std::function<void(Partition, Offset)> on_cursor;
  std::function<void(Partition, const DeadLetter&)> on_exported;

  [[nodiscard]] Result<Offset> published_through(Partition partition) override;
  [[nodiscard]] Result<void> set_published_through(Partition partition, Offset cursor) override;
  [[nodiscard]] Result<std::vector<ports::OutboxEntry>> entries(Partition partition, Offset from,
                                                                std::size_t limit) override;
  [[nodiscard]] Result<std::string> payload(Partition partition, Offset first_offset) override;
  [[nodiscard]] Result<std::vector<ports::ExportedDeadLetter>> dead_letters_to_export(Partition partition,
                                                                                      std::size_t limit) override;
  [[nodiscard]] Result<void> mark_exported(Partition partition, const std::vector<std::int64_t>& ids) override;
  [[nodiscard]] Result<std::size_t> prune(Partition partition, Timestamp before, std::size_t limit) override;

 private:
  Database& database_;
  DecideCall fate_;
};

class SimulatedGatewayStore final : public ports::GatewayStore {
 public:
  // `age_us`: how old the campaign rows of the next answer are.
  SimulatedGatewayStore(Database& database, DecideCall fate, std::function<std::int64_t()> age_us, Scheduler& scheduler)
      : database_(database), fate_(std::move(fate)), age_us_(std::move(age_us)), scheduler_(scheduler) {}

  [[nodiscard]] Result<std::vector<ports::StoredCampaign>> campaigns_named(std::span<const CampaignId> ids) override;
  [[nodiscard]] Result<std::vector<ports::StoredCampaign>> campaigns(CampaignId after, std::size_t limit) override;
  [[nodiscard]] Result<ports::Reservation> reserve_campaign(std::string_view key, std::int32_t partitions) override;
  [[nodiscard]] Result<std::optional<std::string>> outcome_batch(Partition partition, Offset offset) override;
  [[nodiscard]] Result<Progress> progress(Partition partition) override;
  [[nodiscard]] Result<Checkpoints> checkpoints() override;
  [[nodiscard]] Result<std::optional<Offset>> replay_of(Partition partition, Offset origin) override;
  [[nodiscard]] Result<std::optional<ports::Coupon>> coupon(CampaignId campaign, Sequence sequence) override;
  [[nodiscard]] Result<std::optional<ports::Coupon>> coupon_of(CampaignId campaign, std::string_view user,
                                                               std::string_view key) override;
  [[nodiscard]] Result<std::vector<ports::Coupon>> coupons_of_campaign(CampaignId campaign, Sequence after,
                                                                       std::size_t limit) override;
  [[nodiscard]] Result<std::vector<ports::Coupon>> coupons_of_user(std::string_view user, std::size_t limit) override;
  // No simulated client redeems.
  [[nodiscard]] Result<std::optional<ports::RedeemedCoupon>> redeem(const ports::Redemption& redemption) override;
  [[nodiscard]] Result<void> holders(std::span<const CampaignId> campaigns, const OnHolder& each) override;
  [[nodiscard]] Result<std::vector<ports::DispatchRate>> dispatch() override;
  [[nodiscard]] Result<void> set_dispatch(const ports::DispatchRate& rate) override;

 private:
  // The newest version of the row that is at least so old; null where the campaign was not there then.
  [[nodiscard]] const ports::StoredCampaign* version(CampaignId campaign, std::int64_t age_us) const;
  [[nodiscard]] Result<void> enter();

  Database& database_;
  DecideCall fate_;
  std::function<std::int64_t()> age_us_;
  Scheduler& scheduler_;
};

}  // namespace openrun::sim
