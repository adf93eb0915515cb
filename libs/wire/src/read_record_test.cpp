#include <variant>

#include <gtest/gtest.h>

#include <openrun/wire/log_record.hpp>
#include <openrun/wire/read_record.hpp>

namespace openrun::wire {
namespace {

constexpr Offset offset{41};
constexpr Timestamp time{1'764'000'000'000};
const std::string a_request = encode_request(9, CampaignId{7}, "ann", "");

TEST(ReadRecord, ARequestKeepsItsPlaceItsTimeAndItsNonce) {
  const ReadRecord read = read_record(offset, time, a_request);
  EXPECT_EQ(read.input.offset, offset);
  EXPECT_EQ(read.input.time, time);
  EXPECT_EQ(read.nonce, 9U);
  EXPECT_FALSE(read.refused);
  ASSERT_NE(request_of(read.input.event), nullptr);
  EXPECT_EQ(request_of(read.input.event)->user, "ann");
}

TEST(ReadRecord, BytesThatAreNoRecordAreADeadLetterWithItsReason) {
  const ReadRecord read = read_record(offset, time, "\xff\xfe");
  const auto* verdict = std::get_if<issuance::Undecidable>(&read.input.event);
  ASSERT_NE(verdict, nullptr);
  EXPECT_EQ(verdict->reason, "UNDECODABLE");
  EXPECT_FALSE(read.error.empty());
}

TEST(ReadRecord, TheStoresVerdictTakesTheRecordsPlaceButLeavesItsNonce) {
  const std::string said = "SQLSTATE 22021";
  const ReadRecord read = read_record(offset, time, a_request, &said);
  const auto* verdict = std::get_if<issuance::Undecidable>(&read.input.event);
  ASSERT_NE(verdict, nullptr);
  EXPECT_EQ(verdict->reason, store_refused);
  EXPECT_EQ(read.error, said);
  EXPECT_EQ(read.nonce, 9U);
  EXPECT_TRUE(read.refused);
}

TEST(ReadRecord, ARefusedReplayStaysAReplaySoThatItsOriginStaysOpen) {
  const std::string said = "refused";
  const std::string value = encode_replay(3, Offset{5}, time, a_request, 1);
  const ReadRecord read = read_record(offset, time, value, &said);
  const auto* replay = std::get_if<issuance::Replay>(&read.input.event);
  ASSERT_NE(replay, nullptr);
  EXPECT_EQ(replay->origin, Offset{5});
  EXPECT_TRUE(std::holds_alternative<issuance::Undecidable>(replay->original));
  EXPECT_NE(request_of(read_record(offset, time, value).input.event), nullptr);
}

}  // namespace
}  // namespace openrun::wire
