// The shapes of a LogRecord: what is written is read back, in place, and anything else is refused in the same way for
// ever.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/v1/log.pb.h>
#include <openrun/wire/log_record.hpp>

namespace openrun::wire {
namespace {

using issuance::CampaignCommand;
using issuance::IssueRequested;
using issuance::Replay;

bool lies_within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

CampaignCommand a_create() {
  issuance::CampaignTerms terms;
  terms.name = "오픈런";
  terms.description = "첫 줄\n둘째\t줄";
  terms.stock = 1000;
  terms.starts_at = Timestamp{1'700'000'000'000};
  terms.ends_at = Timestamp{1'700'000'100'000};
  terms.policy.discount = issuance::Discount{issuance::Discount::Type::amount, 5'000, "KRW"};
  terms.policy.valid_for_seconds = 86'400;
  terms.policy.max_per_user = 3;
  terms.policy.code_format = issuance::CodeFormat::latin;
  return {CampaignId{7}, "key-1", issuance::CreateCampaign{terms}};
}

TEST(LogRecord, ARequestIsReadBackWithViewsIntoItsBytes) {
  const std::string value = encode_request(0xDEADBEEF, CampaignId{42}, "사용자-1", "again-1");
  const auto decoded = decode(value);
  ASSERT_TRUE(decoded);
  const auto& request = std::get<IssueRequested>(decoded->event);
  EXPECT_EQ(decoded->nonce, 0xDEADBEEFU);
  EXPECT_EQ(decoded->campaign, CampaignId{42});
  EXPECT_EQ(request.campaign, CampaignId{42});
  EXPECT_EQ(request.user, "사용자-1");
  EXPECT_EQ(request.idempotency_key, "again-1");
  EXPECT_TRUE(lies_within(request.user, value));
  EXPECT_TRUE(lies_within(request.idempotency_key, value));
}

TEST(LogRecord, ARequestIsWrittenAsProtobufWritesIt) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) {
    const auto nonce = i == 0 ? 0 : static_cast<std::uint32_t>(random());
    const CampaignId campaign{static_cast<std::uint32_t>(1 + random() % limits::campaign_id_max)};
    const std::string user(1 + random() % 64, static_cast<char>('a' + random() % 26));
    const std::string key(random() % 129, 'k');
    openrun::v1::LogRecord message;
    message.set_nonce(nonce);
    message.set_version(record_version_supported);
    message.mutable_request()->set_campaign_id(campaign.value);
    message.mutable_request()->set_user_id(user);
    message.mutable_request()->set_idempotency_key(key);
    ASSERT_EQ(encode_request(nonce, campaign, user, key), message.SerializeAsString());
  }
}

TEST(LogRecord, EveryCommandIsReadBack) {
  issuance::ChangeCampaign change;
  change.name = "";
  change.starts_at = Timestamp{5};
  change.ends_at.emplace(Timestamp{9});
  change.policy.emplace().valid_until = Timestamp{77};
  issuance::ChangeCampaign endless;
  endless.ends_at.emplace(std::nullopt);
  const CampaignCommand commands[] = {
      a_create(),
      {CampaignId{1}, "k", change},
      {CampaignId{1}, "k", endless},
      {CampaignId{1}, "k", issuance::ChangeCampaign{}},
      {CampaignId{limits::campaign_id_max}, "k", issuance::AddStock{-limits::stock_max}},
      {CampaignId{1}, "k", issuance::AddStock{0}},
      {CampaignId{1}, "k", issuance::PauseCampaign{}},
      {CampaignId{1}, "k", issuance::ResumeCampaign{}},
      {CampaignId{1}, "k", issuance::CloseCampaign{}},
  };
  for (const auto& command : commands) {
    const std::string value = encode_command(11, command);
    const auto decoded = decode(value);
    ASSERT_TRUE(decoded) << decoded.error().error;
    const auto& back = std::get<CampaignCommand>(decoded->event);
    EXPECT_EQ(decoded->nonce, 11U);
    EXPECT_EQ(decoded->campaign, command.campaign);
    EXPECT_EQ(back.idempotency_key, command.idempotency_key);
    ASSERT_EQ(back.action.index(), command.action.index());
    EXPECT_EQ(encode_command(11, back), value);
  }
}

TEST(LogRecord, ACreateKeepsItsTerms) {
  const std::string value = encode_command(1, a_create());
  const auto decoded = decode(value);
  ASSERT_TRUE(decoded);
  const auto& back = std::get<CampaignCommand>(decoded->event);
  EXPECT_EQ(std::get<issuance::CreateCampaign>(back.action).terms,
            std::get<issuance::CreateCampaign>(a_create().action).terms);
}

TEST(LogRecord, AChangeTellsAnAbsentEndFromOneTakenAway) {
  const auto read = [](const issuance::ChangeCampaign& change) {
    const std::string value = encode_command(1, {CampaignId{1}, "k", change});
    const auto decoded = decode(value);
    return std::get<issuance::ChangeCampaign>(std::get<CampaignCommand>(decoded.value().event).action);
  };
  issuance::ChangeCampaign change;
  EXPECT_FALSE(read(change).ends_at);
  change.ends_at.emplace(std::nullopt);
  ASSERT_TRUE(read(change).ends_at);
  EXPECT_FALSE(*read(change).ends_at);
  change.ends_at = Timestamp{0};
  EXPECT_EQ(read(change).ends_at, std::optional(std::optional(Timestamp{0})));
}

TEST(LogRecord, AReplayCarriesItsOriginalInPlace) {
  const std::string original = encode_request(5, CampaignId{3}, "user-9", "");
  const std::string value = encode_replay(6, Offset{123}, Timestamp{456}, original, 2);
  const auto decoded = decode(value);
  ASSERT_TRUE(decoded);
  const auto& replay = std::get<Replay>(decoded->event);
  const auto& request = std::get<IssueRequested>(replay.original);
  EXPECT_EQ(decoded->nonce, 6U);
  EXPECT_EQ(decoded->campaign, CampaignId{3});
  EXPECT_EQ(replay.origin, Offset{123});
  EXPECT_EQ(replay.first_arrival, Timestamp{456});
  EXPECT_EQ(request.user, "user-9");
  EXPECT_TRUE(lies_within(request.user, value));
}

TEST(LogRecord, AReplayOfACommandIsACommand) {
  const auto decoded = decode(encode_replay(6, Offset{0}, Timestamp{0}, encode_command(5, a_create()), 1));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->campaign, CampaignId{7});
  EXPECT_TRUE(std::holds_alternative<CampaignCommand>(std::get<Replay>(decoded->event).original));
}

std::string reason_of_replayed(std::string_view original) {
  const auto decoded = decode(encode_replay(6, Offset{1}, Timestamp{2}, original, 1));
  EXPECT_TRUE(decoded);
  EXPECT_EQ(decoded->campaign, CampaignId{0});
  const auto* undecidable = std::get_if<issuance::Undecidable>(&std::get<Replay>(decoded->event).original);
  return undecidable == nullptr ? "" : undecidable->reason;
}

TEST(LogRecord, AnOriginalThatIsStillWrongMakesAnUndecidableReplay) {
  EXPECT_EQ(reason_of_replayed(""), "UNDECODABLE");
  EXPECT_EQ(reason_of_replayed("\xFF"), "UNDECODABLE");
  EXPECT_EQ(reason_of_replayed(encode_request(1, CampaignId{1}, "", "")), "INVALID_USER_ID");
  EXPECT_EQ(reason_of_replayed(encode_request(1, CampaignId{0}, "u", "")), "INVALID_CAMPAIGN");
  EXPECT_EQ(reason_of_replayed(encode_request(1, CampaignId{1}, "u", "\n")), "INVALID_IDEMPOTENCY_KEY");
  const std::string inner = encode_replay(1, Offset{1}, Timestamp{1}, encode_request(1, CampaignId{1}, "u", ""), 1);
  EXPECT_EQ(reason_of_replayed(inner), "UNDECODABLE") << "a replay inside a replay";
  openrun::v1::LogRecord version;
  version.mutable_decision_version()->set_version(1);
  EXPECT_EQ(reason_of_replayed(version.SerializeAsString()), "UNDECODABLE");
}

TEST(LogRecord, ADecisionVersionIsReadAndZeroIsNone) {
  openrun::v1::LogRecord record;
  record.mutable_decision_version()->set_version(2);
  const auto decoded = decode(record.SerializeAsString());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<issuance::DecisionVersion>(decoded->event).version, 2U);
  record.mutable_decision_version()->set_version(0);
  EXPECT_FALSE(decode(record.SerializeAsString()));
}

struct Malformed {
  const char* what;
  std::string value;
};

TEST(LogRecord, ARecordOfANewerVersionIsNoDeadLetterWhateverElseStandsInIt) {
  using namespace std::string_literals;
  const std::string newer = "\xF8\x01\x07"s;
  const std::string request = encode_request(9, CampaignId{1}, "u", "");
  for (const std::string& value :
       {request + newer, newer + request, request + "\x30\x01"s + newer, newer, request + "\x32\x02\x08\x01"s + newer,
        request + std::string(20'000, '\x01').insert(0, "\x32\xA0\x9C\x01"s) + newer}) {
    const auto decoded = decode(value);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().reason, "RECORD_VERSION");
    EXPECT_EQ(decoded.error().newer_version, 7U);
    EXPECT_NE(decoded.error().error.find("version 7"), std::string::npos);
  }
}

TEST(LogRecord, AVersionThatIsKnownChangesNothingAndBrokenBytesNameNone) {
  using namespace std::string_literals;
  const std::string request = "\x0D\x09\0\0\0\x12\x05\x08\x01\x12\x01u"s;
  const auto decoded = decode(request + "\xF8\x01\x01"s);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->campaign, CampaignId{1});
  for (const std::string& value :
       {"\x01\xF8\x01\x07"s, request + "\xF8\x01"s, request + "\xF9\x01\x07"s, "a text of 7"s}) {
    const auto broken = decode(value);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().reason, "UNDECODABLE");
    EXPECT_EQ(broken.error().newer_version, 0U);
  }
}

TEST(LogRecord, ARequestIsKnownByItsNonceFromVersionTwoOn) {
  using namespace std::string_literals;
  const auto nonce_of = [](const std::string& value) { return std::get<IssueRequested>(decode(value)->event).nonce; };
  const std::string request = "\x0D\x09\0\0\0\x12\x05\x08\x01\x12\x01u"s;
  EXPECT_EQ(nonce_of(request), 0U);
  EXPECT_EQ(nonce_of(request + "\xF8\x01\x01"s), 0U);
  EXPECT_EQ(nonce_of(request + "\xF8\x01\x02"s), 9U);
  EXPECT_EQ(nonce_of("\xF8\x01\x02"s + request), 9U) << "fields come in any order";
  EXPECT_EQ(nonce_of(encode_request(7, CampaignId{1}, "u", "")), 7U);
}

TEST(LogRecord, WhatIsReplayedIsKnownByItsOwnNonce) {
  using namespace std::string_literals;
  const auto nonce_of = [](const std::string& original) {
    const auto decoded = decode(encode_replay(4, Offset{1}, Timestamp{1}, original, 1));
    return std::get<IssueRequested>(std::get<issuance::Replay>(decoded->event).original).nonce;
  };
  EXPECT_EQ(nonce_of(encode_request(7, CampaignId{1}, "u", "")), 7U);
  EXPECT_EQ(nonce_of("\x0D\x09\0\0\0\x12\x05\x08\x01\x12\x01u"s), 0U);
}

TEST(LogRecord, MalformedRecordsAreUndecodable) {
  using namespace std::string_literals;
  const std::string request = encode_request(9, CampaignId{1}, "u", "");
  const std::string nonce_only = request.substr(0, 5);
  const Malformed cases[] = {
      {"empty", ""},
      {"text", "hello"},
      {"no body", nonce_only},
      {"cut short", request.substr(0, request.size() - 1)},
      {"a byte too many", request + "\x01"s},
      {"a second request", request + request.substr(5)},
      {"a second nonce", request + nonce_only},
      {"a request and a version", request + "\x2A\x02\x08\x01"s},
      {"an unknown field", request + "\x30\x01"s},
      {"a group", request + "\x33\x34"s},
      {"field 0", request + "\x00\x01"s},
      {"an unknown field of the request", nonce_only + "\x12\x07\x08\x01\x12\x01u\x20\x01"s},
      {"a campaign beyond 32 bits", nonce_only + "\x12\x0A\x08\x80\x80\x80\x80\x10\x12\x01u\x00"s},
      {"a command without action", nonce_only + "\x1A\x05\x08\x01\x12\x01k"s},
      {"a command with two actions", nonce_only + "\x1A\x09\x08\x01\x12\x01k\x32\x00\x3A\x00"s},
      {"a pause that is not empty", nonce_only + "\x1A\x09\x08\x01\x12\x01k\x32\x02\x08\x01"s},
      {"a number of 65 bits", nonce_only + "\x12\x0E\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02\x12\x01u"s},
      {"a length of six bytes", nonce_only + "\x12\x85\x80\x80\x80\x80\x00\x08\x01\x12\x01u"s},
      {"a tag of six bytes", nonce_only + "\x92\x80\x80\x80\x80\x00\x05\x08\x01\x12\x01u"s},
      {"a number of eleven bytes", nonce_only + "\x12\x0E\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x12\x01u"s},
  };
  for (const auto& [what, value] : cases) {
    const auto decoded = decode(value);
    ASSERT_FALSE(decoded) << what;
    EXPECT_EQ(decoded.error().reason, "UNDECODABLE") << what;
    EXPECT_FALSE(decoded.error().error.empty()) << what;
  }
}

TEST(LogRecord, AnEndThatIsSetAndTakenAwayAtOnceIsUndecodable) {
  openrun::v1::LogRecord record;
  auto& command = *record.mutable_command();
  command.set_campaign_id(1);
  command.set_idempotency_key("k");
  command.mutable_change()->set_ends_at_ms(5);
  EXPECT_TRUE(decode(record.SerializeAsString()));
  command.mutable_change()->set_clear_ends_at(true);
  EXPECT_FALSE(decode(record.SerializeAsString()));
}

TEST(LogRecord, AnUndecodableRecordStillShowsItsNonce) {
  const auto decoded = decode(encode_request(77, CampaignId{1}, "", ""));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().nonce, 77U);
}

TEST(LogRecord, FieldsMayComeInAnyOrder) {
  using namespace std::string_view_literals;
  const auto decoded = decode("\x12\x08\x1A\x01k\x12\x01u\x08\x05\x0D\x01\x00\x00\x00"sv);
  ASSERT_TRUE(decoded) << decoded.error().error;
  EXPECT_EQ(decoded->nonce, 1U);
  EXPECT_EQ(decoded->campaign, CampaignId{5});
}

// What this decoder takes, protobuf takes too and reads the same; whatever the bytes are, it neither reads beyond them
// nor changes its mind.
TEST(LogRecord, AgreesWithProtobufOnMutatedRecords) {
  std::mt19937_64 random(20261121);
  const std::string seeds[] = {
      encode_request(0xABCDEF01, CampaignId{300}, "user-12345", "key"),
      encode_command(3, a_create()),
      encode_command(3, {CampaignId{1}, "k", issuance::AddStock{-5}}),
      encode_replay(4, Offset{99}, Timestamp{1'700'000'000'000}, encode_request(2, CampaignId{9}, "u", ""), 1),
  };
  std::size_t accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string value = seeds[random() % std::size(seeds)];
    for (auto edits = random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % value.size();
      switch (random() % 4) {
        case 0:
          value[at] = static_cast<char>(random());
          break;
        case 1:
          value.insert(at, 1, static_cast<char>(random()));
          break;
        case 2:
          value.erase(at, 1);
          break;
        default:
          value.resize(at);
          break;
      }
      if (value.empty()) break;
    }
    const std::string tight(value);  // a heap block of its own, so that the address sanitizer sees a read beyond it
    const auto decoded = decode(tight);
    if (!decoded) continue;
    ++accepted;
    openrun::v1::LogRecord message;
    ASSERT_TRUE(message.ParseFromString(value));
    ASSERT_EQ(message.nonce(), decoded->nonce);
    if (const auto* request = std::get_if<IssueRequested>(&decoded->event)) {
      ASSERT_EQ(message.request().campaign_id(), request->campaign.value);
      ASSERT_EQ(message.request().user_id(), request->user);
      ASSERT_EQ(message.request().idempotency_key(), request->idempotency_key);
    } else if (const auto* command = std::get_if<CampaignCommand>(&decoded->event)) {
      openrun::v1::LogRecord written;
      ASSERT_TRUE(written.ParseFromString(encode_command(decoded->nonce, *command)));
      ASSERT_EQ(written.command().campaign_id(), message.command().campaign_id());
      ASSERT_EQ(written.command().action_case(), message.command().action_case());
      ASSERT_EQ(written.command().create().name(), message.command().create().name());
      ASSERT_EQ(written.command().create().stock(), message.command().create().stock());
      ASSERT_EQ(written.command().create().policy().discount().value(),
                message.command().create().policy().discount().value());
      ASSERT_EQ(written.command().add_stock(), message.command().add_stock());
    }
  }
  EXPECT_GT(accepted, 10'000U);
}

TEST(LogRecord, TheFingerprintIsFnv1aOverOffsetAndValue) {
  // FNV-1a of no further bytes after eight zero bytes, computed independently.
  std::uint64_t expected = 0xCBF29CE484222325;
  for (int i = 0; i < 8; ++i) expected *= 0x100000001B3;
  EXPECT_EQ(fingerprint(Offset{0}, ""), expected);
  EXPECT_EQ(fingerprint(Offset{0}, "a"), (expected ^ 'a') * 0x100000001B3);
  EXPECT_NE(fingerprint(Offset{1}, "a"), fingerprint(Offset{2}, "a"));
  EXPECT_NE(fingerprint(Offset{1}, "a"), fingerprint(Offset{1}, "b"));
}

}  // namespace
}  // namespace openrun::wire
