// Rows of the store against the decisions that they must come from.
#include <algorithm>
#include <utility>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/wire/json.hpp>

#include "cli/partition_audit.hpp"

namespace openrun::cli {
namespace {

std::string name_of(CampaignId campaign, Sequence sequence) {
  return "campaign " + std::to_string(campaign.value) + " sequence " + std::to_string(sequence.value);
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string time_or_none(const std::optional<Timestamp>& time) {
  return time ? wire::format_time(time->value) : "none";
}

const char* state_of(const issuance::Campaign& campaign) {
  if (campaign.closed) return "closed";
  if (campaign.paused) return "paused";
  return campaign.issued >= campaign.terms.stock ? "sold_out" : "open";
}

}  // namespace

// ---- coupons ----

Result<void> PartitionAudit::take_coupons(Offset offset) {
  return streams_.coupons.take_while([&](const auto& row) { return row.request_offset <= offset; },
                                     [&](const ports::StoredCoupon& row) {
                                       if (row.request_offset < offset) {
                                         forged(row);
                                       } else {
                                         coupons_.push_back(row);
                                       }
                                     });
}

void PartitionAudit::forged(const ports::StoredCoupon& row) {
  if (reexecution_.is_unknown(row.campaign)) return;
  find("coupon_was_decided", name_of(row.campaign, row.sequence),
       "user " + quoted(row.user) + " holds a coupon that the record at " + at(row.request_offset) + " did not win");
}

void PartitionAudit::expect_coupon(const Step& step) {
  const issuance::Decision& decision = step.decision;
  const issuance::IssueRequested& request = *wire::request_of(step.read.input.event);
  const issuance::Policy& policy = step.after->terms.policy;
  const auto alphabet =
      policy.code_format == issuance::CodeFormat::latin ? crypto::CodeAlphabet::latin : crypto::CodeAlphabet::hangul;
  ports::StoredCoupon expected;
  expected.campaign = decision.campaign;
  expected.sequence = decision.sequence;
  expected.user = request.user;
  if (policy.max_per_user > 1) expected.idempotency_key = request.idempotency_key;
  expected.code = keys_.codes.encode({decision.campaign, decision.sequence}, alphabet);
  expected.issued_at = decision.time;
  expected.valid_until = issuance::valid_until(policy, decision.time);
  expected.request_partition = checkpoint_.partition;
  expected.request_offset = decision.offset;
  expected.request_nonce = request.nonce;
  counts_.coupons += 1;

  auto head = heads_.find(decision.campaign);
  if (head == heads_.end()) {
    head = heads_.emplace(decision.campaign, crypto::chain_start(decision.campaign)).first;
  }
  head->second = crypto::chain_next(
      head->second, {expected.sequence, expected.request_partition, expected.request_offset, expected.issued_at,
                     expected.valid_until, expected.user, expected.idempotency_key, expected.code});

  const auto found = std::ranges::find_if(coupons_, [&](const ports::StoredCoupon& row) {
    return row.campaign == expected.campaign && row.sequence == expected.sequence;
  });
  if (found == coupons_.end()) {
    find("coupon_is_stored", name_of(expected.campaign, expected.sequence),
         "user " + quoted(expected.user) + " won it at " + at(expected.request_offset) + ", and there is no such row");
    return;
  }
  compare(expected, *found);
  coupons_.erase(found);
}

void PartitionAudit::compare(const ports::StoredCoupon& expected, const ports::StoredCoupon& found) {
  const std::string where = name_of(expected.campaign, expected.sequence);
  const auto differ = [&](const char* invariant, const std::string& what, const std::string& stored,
                          const std::string& decided) {
    if (stored != decided) find(invariant, where, what + " is " + stored + ", decided was " + decided);
  };
  if (expected.user != found.user) {
    find("coupon_user_as_decided", where, "user is " + quoted(found.user) + ", decided was " + quoted(expected.user));
  }
  if (expected.idempotency_key != found.idempotency_key) {
    find("coupon_key_as_decided", where, "the idempotency key is another than that of its request");
  }
  if (expected.code != found.code) {
    find("coupon_code_as_decided", where, "the code is not the one that its key makes");
  }
  if (expected.issued_at != found.issued_at) {
    differ("coupon_issued_at_as_decided", "issued_at", wire::format_time(found.issued_at.value),
           wire::format_time(expected.issued_at.value));
  }
  if (expected.valid_until != found.valid_until) {
    differ("coupon_valid_until_as_decided", "valid_until", time_or_none(found.valid_until),
           time_or_none(expected.valid_until));
  }
  if (expected.request_partition != found.request_partition) {
    differ("coupon_request_as_decided", "request_partition", std::to_string(found.request_partition.value),
           std::to_string(expected.request_partition.value));
  }
  if (expected.request_nonce != found.request_nonce) {
    differ("coupon_request_as_decided", "request_nonce", std::to_string(found.request_nonce),
           std::to_string(expected.request_nonce));
  }
}

// ---- commands ----

Result<void> PartitionAudit::take_commands(Offset offset) {
  return streams_.commands.take_while([&](const auto& row) { return row.offset <= offset; },
                                      [&](const ports::CommandRow& row) { commands_.push_back(row); });
}

void PartitionAudit::expect_command(const Step& step) {
  const issuance::Decision& decision = step.decision;
  const issuance::CampaignCommand* command = wire::command_of(step.read.input.event);
  if (command == nullptr || !reexecution_.machine().remembers(decision.campaign, decision.offset)) return;
  counts_.commands += 1;
  const std::string where = "campaign " + std::to_string(decision.campaign.value) + ", " + at(decision.offset);
  const auto found = std::ranges::find_if(commands_, [&](const ports::CommandRow& row) {
    return row.campaign == decision.campaign && row.offset == decision.offset;
  });
  if (found == commands_.end()) {
    find("command_is_stored", where, "the command " + quoted(command->idempotency_key) + " is not remembered");
    return;
  }
  if (found->idempotency_key != command->idempotency_key || found->outcome != decision.outcome) {
    find("command_as_decided", where,
         "it is remembered as " + quoted(found->idempotency_key) + " " + issuance::to_string(found->outcome) +
             ", decided was " + quoted(command->idempotency_key) + " " + issuance::to_string(decision.outcome));
  }
  commands_.erase(found);
}

// ---- dead letters ----

void PartitionAudit::expect_dead_letter(const ports::LogRecord& record, const Step& step, const HeadersOf& headers_of) {
  const bool is_record = std::holds_alternative<issuance::Undecidable>(step.read.input.event);
  // A failed replay leaves no row but for the store's verdict.
  if (!is_record && !step.read.refused) return;
  counts_.dead_letters += 1;
  if (!reexecution_.machine().is_open_dead_letter(record.offset)) resolved_.emplace(record.offset, record.offset);
  if (!dead_letter_) {
    find("dead_letter_is_stored", at(record.offset), "the record could not be decided, and there is no dead letter");
    return;
  }
  compare(*dead_letter_, record, step, headers_of);
  dead_letter_.reset();
}

void PartitionAudit::compare(const ports::StoredDeadLetter& found, const ports::LogRecord& record, const Step& step,
                             const HeadersOf& headers_of) {
  const auto wrong = [&](const std::string& what) {
    find("dead_letter_as_decided", at(record.offset), what + " of the dead letter differs from the record's");
  };
  const auto* undecidable = std::get_if<issuance::Undecidable>(&step.read.input.event);
  const std::string reason = undecidable == nullptr ? wire::store_refused : undecidable->reason;
  if (found.row.value != record.value) wrong("the value");
  if (found.row.key != record.key) wrong("the key");
  if (found.row.log_time != record.time) wrong("the time");
  if (found.row.headers != headers_of(record)) wrong("a header");
  if (found.row.reason != reason) {
    find("dead_letter_as_decided", at(record.offset), "its reason is " + found.row.reason + ", decided was " + reason);
  }
  if (found.final_offset && found.final_partition != checkpoint_.partition) {
    find("dead_letter_as_decided", at(record.offset), "it is stored as resolved in another partition");
  }
}

// What is left of the rows at this offset came from nothing.
void PartitionAudit::leftover() {
  for (const ports::StoredCoupon& row : coupons_) forged(row);
  coupons_.clear();
  for (const ports::CommandRow& row : commands_) {
    if (reexecution_.is_unknown(row.campaign)) continue;
    find("command_was_decided", "campaign " + std::to_string(row.campaign.value) + ", " + at(row.offset),
         "a command is remembered that the log does not hold there");
  }
  commands_.clear();
  if (dead_letter_) {
    find("dead_letter_was_decided", at(dead_letter_->row.offset), "it is stored as a dead letter, but was decided");
    dead_letter_.reset();
  }
}

// ---- campaigns ----

void PartitionAudit::compare(const issuance::Campaign& expected, const ports::StoredCampaignRow& found) {
  const std::string where = "campaign " + std::to_string(expected.id.value);
  const issuance::Campaign& stored = found.campaign;
  const auto number = [&](const char* invariant, const char* what, std::int64_t is, std::int64_t decided) {
    if (is == decided) return;
    find(invariant, where,
         std::string(what) + " is " + std::to_string(is) + ", decided was " + std::to_string(decided));
  };
  number("campaign_issued_as_decided", "issued", stored.issued, expected.issued);
  number("campaign_stock_as_decided", "stock", stored.terms.stock, expected.terms.stock);
  issuance::CampaignTerms terms = stored.terms;
  terms.stock = expected.terms.stock;
  if (terms != expected.terms) {
    find("campaign_terms_as_decided", where, "its name, description, times or policy are not those decided");
  }
  if (stored.paused != expected.paused || stored.closed != expected.closed || found.state != state_of(expected)) {
    find("campaign_state_as_decided", where, "it is stored as " + found.state + ", decided was " + state_of(expected));
  }
  if (stored.created_at != expected.created_at || stored.updated_at != expected.updated_at ||
      stored.terms_offset != expected.terms_offset) {
    find("campaign_version_as_decided", where, "its times or offset of change are not those of its commands");
  }
  if (const auto touched = touched_.find(expected.id); touched != touched_.end()) {
    const Touched& last = touched->second;
    if (last.batch_end ? found.counters_offset != *last.batch_end : found.counters_offset < last.offset) {
      number("campaign_version_as_decided", "counters_offset", found.counters_offset.value,
             last.batch_end.value_or(last.offset).value);
    }
  }
  const auto head = heads_.find(expected.id);
  const Digest digest = head == heads_.end() ? crypto::chain_start(expected.id) : head->second;
  if (found.digest != digest) {
    find("campaign_digest_as_decided", where,
         "its digest is " + crypto::hex(found.digest) + ", that of its coupons as decided is " + crypto::hex(digest));
  }
}

}  // namespace openrun::cli
