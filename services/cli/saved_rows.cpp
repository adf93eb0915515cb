#include "cli/saved_rows.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace openrun::cli {
namespace {

class Comparison {
 public:
  Comparison(const StartState& state, const crypto::CouponCodes& codes, Findings& findings)
      : state_(state), codes_(codes), findings_(findings), open_(letters().begin(), letters().end()) {}

  void coupon(const ports::StoredCoupon& row) {
    const std::string where =
        "campaign " + std::to_string(row.campaign.value) + " sequence " + std::to_string(row.sequence.value) + ": ";
    const auto detail = state_.details.find(row.campaign);
    const auto claim =
        detail == state_.details.end() ? std::nullopt : detail->second.claims.find(row.user, row.idempotency_key);
    if (!claim || claim->sequence != row.sequence) {
      findings_.add("coupon_was_decided", where + "user \"" + row.user + "\" did not hold it in the saved state");
      return;
    }
    coupons_[row.campaign] += 1;
    if (claim->issued_at != row.issued_at) {
      findings_.add("coupon_issued_at_as_decided", where + "issued_at is not that of the saved state");
    }
    if (codes_.decode(row.code) != crypto::CouponKey{row.campaign, row.sequence}) {
      findings_.add("coupon_code_as_decided", where + "the code is not the one that its key makes");
    }
  }

  void command(const ports::CommandRow& row) { commands_[row.campaign].emplace(row.offset, row.idempotency_key); }

  void dead_letter(const ports::StoredDeadLetter& row) {
    const Offset from = state_.snapshot.next_offset;
    const bool resolved = row.final_offset && *row.final_offset < from;
    if (!resolved && !row.discarded && !open_.contains(row.row.offset)) {
      findings_.add("dead_letter_was_decided", at(row.row.offset) + "it is no open dead letter of the saved state");
    }
    if (resolved && open_.contains(row.row.offset)) {
      findings_.add("dead_letter_final_as_decided", at(row.row.offset) + "it was still open in the saved state");
    }
    open_.erase(row.row.offset);
  }

  void finish() {
    for (const auto& [id, detail] : state_.details) {
      const std::string where = "campaign " + std::to_string(id.value) + ": ";
      if (const std::uint64_t rows = coupons_[id]; rows != detail.claims.size()) {
        findings_.add("coupon_is_stored", where + std::to_string(detail.claims.size()) +
                                              " coupons were issued in the saved state, and of them are stored " +
                                              std::to_string(rows));
      }
      for (const issuance::RememberedCommand& command : detail.commands) {
        if (commands_[id].contains({command.offset, command.idempotency_key})) continue;
        findings_.add("command_is_stored", where + "the command at offset " + std::to_string(command.offset.value) +
                                               " of the saved state is not remembered");
      }
    }
    for (const Offset offset : open_) {
      findings_.add("dead_letter_is_stored", at(offset) + "an open dead letter of the saved state is not stored");
    }
  }

 private:
  [[nodiscard]] const std::vector<Offset>& letters() const { return state_.snapshot.open_dead_letters; }
  [[nodiscard]] std::string at(Offset offset) const {
    return "partition " + std::to_string(state_.snapshot.partition.value) + " offset " + std::to_string(offset.value) +
           ": ";
  }

  const StartState& state_;
  const crypto::CouponCodes& codes_;
  Findings& findings_;
  std::set<Offset> open_;
  std::map<CampaignId, std::uint64_t> coupons_;
  std::map<CampaignId, std::set<std::pair<Offset, std::string>>> commands_;
};

}  // namespace

Result<void> compare_rows_before(const StartState& state, RowStreams& streams, const crypto::CouponCodes& codes,
                                 Findings& findings) {
  const Offset from = state.snapshot.next_offset;
  Comparison comparison(state, codes, findings);
  auto done = streams.coupons.take_while([&](const auto& row) { return row.request_offset < from; },
                                         [&](const auto& row) { comparison.coupon(row); });
  if (done) {
    done = streams.commands.take_while([&](const auto& row) { return row.offset < from; },
                                       [&](const auto& row) { comparison.command(row); });
  }
  if (done) {
    done = streams.dead_letters.take_while([&](const auto& row) { return row.row.offset < from; },
                                           [&](const auto& row) { comparison.dead_letter(row); });
  }
  if (done) comparison.finish();
  return done;
}

}  // namespace openrun::cli
