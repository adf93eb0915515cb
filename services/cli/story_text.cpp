// A story in words and as JSON.
#include <openrun/wire/json.hpp>

#include "cli/story.hpp"

namespace openrun::cli {
namespace {

using issuance::Outcome;

std::string time_of(Timestamp time) {
  return wire::format_time(time.value);
}

std::string state_words(const issuance::Campaign& campaign, Timestamp at) {
  std::string text = std::to_string(campaign.issued) + " of " + std::to_string(campaign.terms.stock) +
                     " coupons were given, it was " + issuance::to_string(issuance::state_at(campaign, at)) +
                     ", open from " + time_of(campaign.terms.starts_at);
  if (campaign.terms.ends_at) text += " to " + time_of(*campaign.terms.ends_at);
  return text;
}

std::string code_of(const StoryEntry& entry, const crypto::CouponCodes& codes) {
  const bool latin = entry.after && entry.after->terms.policy.code_format == issuance::CodeFormat::latin;
  return codes.encode({entry.decision.campaign, entry.decision.sequence},
                      latin ? crypto::CodeAlphabet::latin : crypto::CodeAlphabet::hangul);
}

std::string coupon_words(const StoryEntry& entry, const crypto::CouponCodes& codes) {
  return "coupon number " + std::to_string(entry.decision.sequence.value) + ", code " + code_of(entry, codes) +
         ", issued " + time_of(entry.decision.time);
}

std::string reason_words(const StoryEntry& entry, const crypto::CouponCodes& codes) {
  switch (entry.decision.outcome) {
    case Outcome::issued:
      return "the user got " + coupon_words(entry, codes) + ".";
    case Outcome::issued_before:
      return "the same request had come before; the user was shown the same coupon again: " +
             coupon_words(entry, codes) + ".";
    case Outcome::already_issued:
      return "the user already held a coupon of this campaign: " + coupon_words(entry, codes) + ".";
    case Outcome::limit_reached:
      return "the user already held as many coupons as one user may hold.";
    case Outcome::campaign_not_found:
      return "there was no such campaign yet.";
    case Outcome::not_started:
      return "the campaign had not started.";
    case Outcome::paused:
      return "the campaign was paused.";
    case Outcome::closed:
      return "the campaign was closed.";
    case Outcome::ended:
      return "the campaign had ended.";
    case Outcome::sold_out:
      return "all coupons had been given to requests that came before this one.";
    case Outcome::dead_lettered:
      return "the request could not be decided and is kept as a dead letter: " + entry.error + ".";
    case Outcome::replay_ignored:
      return "the request that this is a copy of was decided before, so nothing changed.";
    default:
      return std::string(issuance::to_string(entry.decision.outcome)) + ".";
  }
}

std::string head_of(const Story& story, const StoryEntry& entry) {
  return time_of(entry.time) + "  partition " + std::to_string(story.partition.value) + " offset " +
         std::to_string(entry.offset.value);
}

std::string limits_of(const Story& story) {
  std::string text;
  if (story.from > Offset{0}) {
    text += "What came before offset " + std::to_string(story.from.value) + " is no longer in the log.\n";
  }
  if (story.cut) text += "There is more than can be shown; these are the first.\n";
  return text;
}

void write_campaign(wire::JsonWriter& writer, const char* name, const std::optional<issuance::Campaign>& campaign) {
  writer.key(name);
  if (!campaign) {
    writer.null();
    return;
  }
  writer.begin_object().key("issued").number(campaign->issued).key("stock").number(campaign->terms.stock);
  writer.key("paused").boolean(campaign->paused).key("closed").boolean(campaign->closed);
  writer.key("starts_at").string(time_of(campaign->terms.starts_at)).key("ends_at");
  campaign->terms.ends_at ? writer.string(time_of(*campaign->terms.ends_at)) : writer.null();
  writer.end_object();
}

void write_decision(wire::JsonWriter& writer, const StoryEntry& entry, const crypto::CouponCodes& codes) {
  writer.key("outcome").string(issuance::to_string(entry.decision.outcome));
  if (entry.decision.sequence.value != 0) {
    writer.key("coupon").begin_object().key("sequence").number(entry.decision.sequence.value);
    writer.key("code").string(code_of(entry, codes)).key("issued_at").string(time_of(entry.decision.time)).end_object();
  }
  if (entry.decision.origin) writer.key("origin").number(entry.decision.origin->value);
  if (entry.decision.first_offset) writer.key("first_offset").number(entry.decision.first_offset->value);
  write_campaign(writer, "before", entry.before);
  write_campaign(writer, "after", entry.after);
}

}  // namespace

std::string why_text(const Story& story, const std::string& user, const crypto::CouponCodes& codes) {
  std::string out = "campaign " + std::to_string(story.campaign.value) +
                    (story.now ? " \"" + story.now->terms.name + "\"" : std::string(" (not known)")) + ", user " +
                    user + ": " + std::to_string(story.entries.size()) + " requests in the retained log\n" +
                    limits_of(story);
  for (const StoryEntry& entry : story.entries) {
    out += "\n" + head_of(story, entry) + "  " + entry.what + (entry.key.empty() ? "" : "  key " + entry.key) +
           (entry.trace_id.empty() ? "" : "  trace " + entry.trace_id) + "\n";
    if (!entry.decided) {
      out += "  WAITING: not decided yet; " + std::to_string(entry.offset - story.next_offset) +
             " records stand before it.\n";
    } else if (!entry.known) {
      out += "  How the campaign stood then can't be told any more.\n";
    } else {
      out += std::string("  ") + issuance::to_string(entry.decision.outcome) + ": " + reason_words(entry, codes) + "\n";
      if (entry.before) out += "  Just before it " + state_words(*entry.before, entry.time) + ".\n";
    }
  }
  return out;
}

std::string history_text(const Story& story) {
  std::string out = "campaign " + std::to_string(story.campaign.value) + ": " + std::to_string(story.entries.size()) +
                    " commands in the retained log\n" + limits_of(story);
  for (const StoryEntry& entry : story.entries) {
    out += "\n" + head_of(story, entry) + "  " + entry.what + "  key " + entry.key + "\n";
    if (!entry.decided) {
      out += "  not decided yet\n";
      continue;
    }
    out += std::string("  ") + (entry.known ? issuance::to_string(entry.decision.outcome) : "not known any more");
    if (entry.decision.first_offset) out += " of offset " + std::to_string(entry.decision.first_offset->value);
    out += '\n';
    if (entry.before) out += "  before: " + state_words(*entry.before, entry.time) + "\n";
    if (entry.after) out += "  after:  " + state_words(*entry.after, entry.time) + "\n";
  }
  return out;
}

std::string story_json(const Story& story, const crypto::CouponCodes& codes) {
  std::string out;
  wire::JsonWriter writer(out);
  writer.begin_object().key("campaign_id").number(story.campaign.value);
  writer.key("partition").number(story.partition.value).key("log_begin").number(story.from.value);
  writer.key("next_offset").number(story.next_offset.value).key("cut").boolean(story.cut);
  writer.key("entries").begin_array();
  for (const StoryEntry& entry : story.entries) {
    writer.begin_object().key("offset").number(entry.offset.value).key("time").string(time_of(entry.time));
    writer.key("what").string(entry.what).key("key").string(entry.key).key("decided").boolean(entry.decided);
    writer.key("known").boolean(entry.known);
    if (!entry.error.empty()) writer.key("error").string(entry.error);
    if (!entry.trace_id.empty()) writer.key("trace_id").string(entry.trace_id);
    if (entry.decided && entry.known) write_decision(writer, entry, codes);
    writer.end_object();
  }
  writer.end_array().end_object();
  return out + "\n";
}

}  // namespace openrun::cli
