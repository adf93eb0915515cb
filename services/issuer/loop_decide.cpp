// Deciding: from the records that were read to the batch that is pending.
#include <set>
#include <utility>
#include <variant>

#include <openrun/wire/log_record.hpp>
#include <openrun/wire/read_record.hpp>

#include "issuer/loop.hpp"

namespace openrun::issuer {

bool IssuerLoop::can_decide() const {
  // A batch that an operator was asked about takes no more records: only those that were accepted may be written.
  return phase_ == Phase::running && !revoked_ && !stopping_ && !bulk_ && !bulk_accepted_ && missing_.empty() &&
         bucket_.known() && !trial_complete_;
}

void IssuerLoop::decide(Now now) {
  decide_buffer(now);
  if (pending_) pending_->complete(chains_);
}

void IssuerLoop::decide_buffer(Now now) {
  decide_at_us_ = never_us;
  while (can_decide() && !buffer_empty()) {
    if (!decide_front(now)) return;
  }
  if (buffer_empty()) clear_buffer();
}

void IssuerLoop::clear_buffer() {
  front_.reset();
  buffer_ = {};
  buffer_position_ = 0;
}

// False where the record has to wait, and with it all that stand behind it.
bool IssuerLoop::decide_front(Now now) {
  const ports::LogRecord& record = buffer_.records[buffer_position_];
  const std::int64_t skipped = record.offset - machine_->next_offset();
  if (skipped < 0) {  // the reader may begin before the place that was asked for
    ++buffer_position_;
    return true;
  }
  if (skipped > skipped_offsets_max) {
    log_lost("the records from " + std::to_string(machine_->next_offset().value) + " to " +
             std::to_string(record.offset.value) + " are missing");
    return false;
  }
  if (search_ && record.offset > search_->probe_end()) {
    trial_complete_ = true;
    return false;
  }
  if (!pending_->has_room_for(record.offset, search_ ? settings_.batch_max : status_.batch_limit)) return false;
  if (is_ahead_of_clock(record, now)) return false;
  if (!front_) read_front(record);
  if (is_blocked(now)) return false;
  apply_front(record, now);
  ++buffer_position_;
  front_.reset();
  return true;
}

// Until our clock has come near, the record is not decided: its time would become the partition's log time, which never
// runs back, and one broken clock could end every campaign of the partition.
bool IssuerLoop::is_ahead_of_clock(const ports::LogRecord& record, Now now) {
  const std::int64_t ahead_ms = record.time - now.wall;
  const bool was_ahead = status_.clock_ahead_ms > 0;
  if (ahead_ms <= settings_.clock_skew_ms_max) {
    if (was_ahead) tell({Notice::Kind::clock_caught_up, "", "", record.offset, record.offset});
    status_.clock_ahead_ms = 0;
    return false;
  }
  status_.clock_ahead_ms = ahead_ms;
  // Looked at again at least once a second: somebody may set the clock.
  const std::int64_t wait_ms = std::min<std::int64_t>(ahead_ms - settings_.clock_skew_ms_max, 1'000);
  decide_at_us_ = now.monotonic_us + wait_ms * 1'000;
  if (!was_ahead) {
    tell({Notice::Kind::clock_ahead, "CLOCK_AHEAD",
          "the broker's time of this record is " + std::to_string(ahead_ms) + " ms ahead of our clock", record.offset,
          record.offset});
  }
  return true;
}

void IssuerLoop::read_front(const ports::LogRecord& record) {
  const auto verdict = refused_.find(record.offset);
  front_ = wire::read_record(record.offset, record.time, record.value,
                             verdict == refused_.end() ? nullptr : &verdict->second);
  const auto* replay = std::get_if<issuance::Replay>(&front_->input.event);
  const bool changes_nothing = replay != nullptr && !machine_->is_open_dead_letter(replay->origin);
  // It writes no row that the store could refuse and none that could hold the verdict, which a later execution would
  // then not know.
  if (front_->refused && changes_nothing) front_ = wire::read_record(record.offset, record.time, record.value);
}

bool IssuerLoop::is_blocked(Now now) {
  const issuance::Event& event = front_->input.event;
  if (const auto* version = std::get_if<issuance::DecisionVersion>(&event);
      version != nullptr && version->version > issuance::decision_version_supported) {
    stop_for_version(version->version, machine_->next_offset());
    return true;
  }
  if (front_->newer_version > 0) {
    stop_for_record_version(front_->newer_version, front_->input.offset);
    return true;
  }
  if (const auto missing = machine_->missing(event)) {
    look_ahead(*missing);
    return true;
  }
  // Commands and replays of commands do not count, nor do records that are no request at all.
  if (wire::request_of(event) != nullptr && !bucket_.take(now.monotonic_us)) {
    decide_at_us_ = bucket_.next_token_us(now.monotonic_us);
    return true;
  }
  return false;
}

// One campaign at a time would cost a partition with many of them a round trip and a commit each after a takeover. No
// record is looked at twice: this ends where the next look begins.
void IssuerLoop::look_ahead(CampaignId first) {
  missing_.push_back(first);
  std::set<CampaignId> known{first};
  std::size_t claims = machine_->find(first)->issued;
  for (std::size_t i = buffer_position_ + 1; i < buffer_.records.size(); ++i) {
    const ports::LogRecord& record = buffer_.records[i];
    const auto named = machine_->missing(wire::read_record(record.offset, record.time, record.value).input.event);
    if (!named || known.contains(*named)) continue;
    claims += machine_->find(*named)->issued;
    if (missing_.size() >= settings_.details_max || claims > settings_.detail_claims_max) return;
    known.insert(*named);
    missing_.push_back(*named);
  }
}

void IssuerLoop::apply_front(const ports::LogRecord& record, Now now) {
  step_check_.before(*machine_, front_->input.event);
  const issuance::Decision decision = machine_->apply(front_->input);
  step_check_.after(*machine_, front_->input, decision);
  const std::size_t dead_before = pending_->dead_letters();
  pending_->add(record, *front_, decision, *machine_, winner_hash_, headers_of_);
  gate_.record(pending_->dead_letters() > dead_before);
  if (!settings_.keeps_traces) return;
  if (const auto trace = parse_traceparent(record.traceparent); trace && trace->is_sampled()) {
    pending_->add_sampled({*trace, decision.campaign, decision.offset, decision.outcome, now.monotonic_us});
  }
}

void IssuerLoop::stop_for_version(std::uint32_t version, Offset from) {
  constexpr const char* runbook = "docs/runbooks/decision-version.md";
  stop("DECISION_VERSION",
       "partition " + std::to_string(partition_.value) + ": from offset " + std::to_string(from.value) +
           " on the decision rules have version " + std::to_string(version) + ", and this build knows " +
           std::to_string(issuance::decision_version_supported) + ": install a newer one, see " + runbook,
       runbook);
}

void IssuerLoop::stop_for_record_version(std::uint32_t version, Offset offset) {
  constexpr const char* runbook = "docs/runbooks/decision-version.md";
  stop("RECORD_VERSION",
       "partition " + std::to_string(partition_.value) + ": the record at offset " + std::to_string(offset.value) +
           " has version " + std::to_string(version) + " of the format, and this build knows " +
           std::to_string(wire::record_version_supported) +
           "; nothing from there on is decided until a newer issuer runs (issuers are upgraded before gateways), see " +
           runbook,
       runbook);
}

}  // namespace openrun::issuer
