// What the gateway asks of Postgres. Implemented by libs/postgres and libs/sim. One instance a thread; calls block,
// bounded by the statement time-out, so they run on the gateway's pool and never on an I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/campaign.hpp>

namespace openrun::ports {

struct StoredCampaign {
  issuance::Campaign campaign;
  Partition partition;
  Offset counters_offset;  // the offset up to which stock and issued are those of the row
};

struct Coupon {
  CampaignId campaign;
  Sequence sequence;
  std::string user;
  std::string idempotency_key;
  std::string code;
  Timestamp issued_at;
  std::optional<Timestamp> valid_until;
  std::optional<Timestamp> used_at;  // present: USED
};

// A wish to use a coupon once.
struct Redemption {
  CampaignId campaign;
  Sequence sequence;
  std::string user;  // who must own it; empty: whoever does
  std::string key;   // of the call that redeems it; empty: none
  Timestamp now;
};

// The coupon as it stands after the wish.
struct RedeemedCoupon {
  Coupon coupon;
  std::string key;               // of the call that redeemed it; empty where that had none, and where nobody did
  bool is_redeemed_now = false;  // by this call
};

struct DispatchRate {
  std::optional<Partition> partition;  // empty: the default of all partitions
  std::uint32_t per_second = 0;        // 0 = as fast as possible
};

struct Reservation {
  CampaignId campaign;
  Partition partition;
};

class GatewayStore {
 public:
  virtual ~GatewayStore() = default;

  // Those of these campaigns that there are, in any order.
  [[nodiscard]] virtual Result<std::vector<StoredCampaign>> campaigns_named(std::span<const CampaignId> ids) = 0;
  // Ascending by id, ids above `after`.
  [[nodiscard]] virtual Result<std::vector<StoredCampaign>> campaigns(CampaignId after, std::size_t limit) = 0;

  // An id for a campaign to be created. The same key gets the same id and partition again, whatever `partitions` is by
  // then; but where the log has given that id to another key meanwhile, which only happens to a store that was
  // restored, it gets another. Error::Kind::overloaded where many ids in a row are taken: the same key goes on behind
  // them.
  [[nodiscard]] virtual Result<Reservation> reserve_campaign(std::string_view idempotency_key,
                                                             std::int32_t partitions) = 0;

  // The outbox row that holds this offset (a serialised ResultBatch): empty where there is none (not decided yet, or
  // pruned).
  [[nodiscard]] virtual Result<std::optional<std::string>> outcome_batch(Partition partition, Offset offset) = 0;
  // The partition's committed next_offset and the oldest offset whose outcome is kept: tells "undecided" from "gone".
  struct Progress {
    Offset next_offset;
    Offset oldest_kept;
  };
  [[nodiscard]] virtual Result<Progress> progress(Partition partition) = 0;
  // How far each partition is decided; without those that no writer has ever taken.
  struct Checkpoint {
    Offset next_offset;
    Timestamp log_time;  // of the newest record that is decided
  };
  using Checkpoints = std::map<Partition, Checkpoint>;
  [[nodiscard]] virtual Result<Checkpoints> checkpoints() = 0;
  // For a dead letter: where its replay was decided, empty while it was not.
  [[nodiscard]] virtual Result<std::optional<Offset>> replay_of(Partition partition, Offset origin) = 0;

  [[nodiscard]] virtual Result<std::optional<Coupon>> coupon(CampaignId campaign, Sequence sequence) = 0;
  [[nodiscard]] virtual Result<std::optional<Coupon>> coupon_of(CampaignId campaign, std::string_view user,
                                                                std::string_view idempotency_key) = 0;
  [[nodiscard]] virtual Result<std::vector<Coupon>> coupons_of_campaign(CampaignId campaign, Sequence after,
                                                                        std::size_t limit) = 0;
  [[nodiscard]] virtual Result<std::vector<Coupon>> coupons_of_user(std::string_view user, std::size_t limit) = 0;
  // Marks the coupon as used where it is there, unused, owned by `user` and not expired, all in one step: of any number
  // of callers one is told is_redeemed_now. Otherwise nothing changes, and the coupon tells why; empty where there is
  // none. After an error it may have been redeemed: the same key asks again.
  [[nodiscard]] virtual Result<std::optional<RedeemedCoupon>> redeem(const Redemption& redemption) = 0;
  // The holder of every coupon of these campaigns, all as of one moment of the call, one campaign after the other.
  // Streams; `each` must not block. After an error it has told all of every campaign but the last one that it named.
  using OnHolder = std::function<void(CampaignId campaign, std::string_view user)>;
  [[nodiscard]] virtual Result<void> holders(std::span<const CampaignId> campaigns, const OnHolder& each) = 0;

  [[nodiscard]] virtual Result<std::vector<DispatchRate>> dispatch() = 0;
  [[nodiscard]] virtual Result<void> set_dispatch(const DispatchRate& rate) = 0;
};

}  // namespace openrun::ports
