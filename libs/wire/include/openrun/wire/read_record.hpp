// From a record of the log to the input of the decision. One function for everybody who decides or decides again
// (issuer, simulator, audit), so that all of them understand a record the same way. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/event.hpp>

namespace openrun::wire {

// The reason of a dead letter that only the store found. The log does not hold this verdict: it is recorded in
// dead_letter, and every re-execution takes it from there.
inline constexpr const char* store_refused = "STORE_REFUSED";

// One record as it was understood. The event's views point into the record's bytes.
struct ReadRecord {
  issuance::Input input;  // the event is Undecidable where the record is a dead letter
  std::uint32_t nonce = 0;
  std::string error;     // of a dead letter: what exactly is wrong
  bool refused = false;  // the store's verdict
  // Above 0: the record's version, which this build does not know. Nobody may decide it, nor what stands behind it.
  std::uint32_t newer_version = 0;
};

// `refusal`: what the store said where it refused this record before; null where it did not.
[[nodiscard]] ReadRecord read_record(Offset offset, Timestamp time, std::string_view value,
                                     const std::string* refusal = nullptr);

// How the store's refusal of a record stands in the log of decisions: a replay stays a replay, so that its origin stays
// open.
[[nodiscard]] issuance::Event refused_by_store(const issuance::Event& event);

// Where the record wants a coupon, itself or as the original of a replay: that wish.
[[nodiscard]] const issuance::IssueRequested* request_of(const issuance::Event& event);
// Where it is a command, itself or as the original of a replay.
[[nodiscard]] const issuance::CampaignCommand* command_of(const issuance::Event& event);

}  // namespace openrun::wire
