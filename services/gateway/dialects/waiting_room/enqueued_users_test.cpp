#include "gateway/dialects/waiting_room/enqueued_users.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway::dialects {
namespace {

crypto::Receipt place(std::int64_t offset) {
  return {Partition{3}, Offset{offset}, CampaignId{7}, static_cast<std::uint32_t>(offset + 100)};
}

TEST(EnqueuedUsers, WhoWasPutIsFoundWithItsNewestPlace) {
  EnqueuedUsers users(1'000);
  EXPECT_FALSE(users.find(5, CampaignId{7}));
  users.put(5, place(1));
  users.put(0, place(2));
  EXPECT_EQ(users.find(5, CampaignId{7}), place(1));
  EXPECT_EQ(users.find(0, CampaignId{7}), place(2));
  users.put(5, place(3));
  EXPECT_EQ(users.find(5, CampaignId{7}), place(3));
  EXPECT_FALSE(users.find(6, CampaignId{7}));
}

TEST(EnqueuedUsers, OfThoseWhoseHashesMeetTheNewestStay) {
  EnqueuedUsers users(1);
  // One bucket a shard: these meet.
  for (std::int64_t i = 1; i <= 5; ++i) users.put(static_cast<std::uint64_t>(i * 16), place(i));
  EXPECT_FALSE(users.find(16, CampaignId{7}));
  for (std::int64_t i = 2; i <= 5; ++i)
    EXPECT_EQ(users.find(static_cast<std::uint64_t>(i * 16), CampaignId{7}), place(i));
  // Who comes again is the newest.
  users.put(32, place(9));
  users.put(6 * 16, place(6));
  EXPECT_EQ(users.find(32, CampaignId{7}), place(9));
  EXPECT_FALSE(users.find(48, CampaignId{7}));
}

}  // namespace
}  // namespace openrun::gateway::dialects
