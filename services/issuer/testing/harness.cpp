#include "issuer/testing/harness.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <openrun/wire/log_record.hpp>

namespace openrun::testing {

using issuer::Action;
using ports::CommitAnswer;
using ports::CommitOutcome;

// ---- records ----

std::string create(std::uint32_t campaign, std::uint32_t stock, std::uint32_t max_per_user) {
  issuance::CampaignTerms terms;
  terms.name = "Campaign";
  terms.stock = stock;
  terms.starts_at = Timestamp{test_start_ms - 1'000};
  terms.policy.max_per_user = max_per_user;
  return wire::encode_command(
      7, {CampaignId{campaign}, "create-" + std::to_string(campaign), issuance::CreateCampaign{std::move(terms)}});
}

std::string add_stock(std::uint32_t campaign, std::int64_t add, const std::string& key) {
  return wire::encode_command(8, {CampaignId{campaign}, key, issuance::AddStock{add}});
}

std::string request(std::uint32_t campaign, const std::string& user, const std::string& key, std::uint32_t nonce) {
  return wire::encode_request(nonce, CampaignId{campaign}, user, key);
}

std::string replay(Offset origin, const std::string& original) {
  return wire::encode_replay(10, origin, Timestamp{test_start_ms}, original, 1);
}

std::string decision_version(std::uint32_t version) {
  // LogRecord.decision_version (field 5) { version (field 1) }
  return std::string("\x2a\x02\x08", 3) + static_cast<char>(version);
}

const crypto::CouponCodes& test_codes() {
  static const crypto::CouponCodes codes(std::vector<std::uint8_t>(32, 7));
  return codes;
}

// ---- running ----

Harness::Harness(issuer::LoopSettings settings) : settings_(settings) {
  restart();
}

void Harness::restart() {
  held_.reset();
  read_.reset();
  reader_.reset();
  store_.emplace(database);
  loop_.emplace(
      test_partition, settings_, test_codes(),
      [](CampaignId campaign, std::string_view user) { return campaign.value * 1'000 + user.size(); },
      [this](const ports::LogRecord& record) { return reader_->headers(record); });
}

Offset Harness::append(std::string value, std::int64_t ahead_ms, ports::Headers headers) {
  return log.append(ports::Topic::requests, test_partition, now().wall + ahead_ms, std::move(value),
                    std::move(headers));
}

void Harness::append_all(const std::vector<std::string>& values) {
  for (const std::string& value : values) append(value);
}

issuer::Now Harness::now() const {
  return {monotonic_us_, Timestamp{test_start_ms + monotonic_us_ / 1'000}};
}

void Harness::run() {
  while (true) {
    loop_->decide(now());
    if (auto action = loop_->next(now())) {
      note(*action);
      perform(*action);
      if (std::exchange(crashed_, false)) restart();
      continue;
    }
    if (!finish_read()) return;
  }
}

void Harness::run_for(std::int64_t milliseconds) {
  const std::int64_t end_us = monotonic_us_ + milliseconds * 1'000;
  while (true) {
    run();
    std::int64_t next_us = loop_->wake_at_us();
    if (read_) next_us = std::min(next_us, read_->until_us);
    if (next_us > end_us) break;
    // A loop that asks to be woken at once, again and again, would hang here and burn a core in the daemon.
    monotonic_us_ = std::max(next_us, monotonic_us_ + 1);
  }
  monotonic_us_ = end_us;
}

void Harness::sleep_to(std::int64_t monotonic_us) {
  monotonic_us_ = std::max(monotonic_us_, monotonic_us);
}

bool Harness::finish_read() {
  if (!read_) return false;
  auto batch = reader_->poll(read_->records_max, {});
  const bool answered = !batch || !batch->records.empty() || read_->woken || monotonic_us_ >= read_->until_us;
  if (!answered) return false;
  read_.reset();
  loop_->on_records(now(), std::move(batch));
  return true;
}

void Harness::perform(const Action& action) {
  std::optional<Fault> fault_now;
  const bool is_io = is_store_action(action) || is_log_action(action);
  if (is_io) {
    if (fault) fault_now = fault(action);
    ++io_actions;
  }
  if (fault_now == Fault::crash_before) {
    crashed_ = true;
    return;
  }
  if (fault_now == Fault::fenced) (void)database.take_over(test_partition);
  if (is_store_action(action)) {
    perform_store(action, fault_now);
  } else if (is_log_action(action)) {
    perform_log(action, fault_now);
  } else if (std::holds_alternative<issuer::InterruptRead>(action)) {
    if (read_) read_->woken = true;
  } else if (const auto* publish = std::get_if<issuer::Publish>(&action)) {
    if (on_publish) on_publish(*publish);
    const auto outbox = state().outbox;
    const auto row = outbox.find(publish->batch->expected_next_offset);
    if (row == outbox.end() || row->second != publish->batch->payload) clean = false;
  }
  if (fault_now == Fault::crash_after) crashed_ = true;
}

void Harness::answer_commit(const Action& action, std::optional<Fault> fault_now) {
  const auto* commit = std::get_if<issuer::Commit>(&action);
  const auto perform_it = [&] {
    return commit != nullptr ? store_->commit(*commit->batch) : store_->probe(*std::get<issuer::Probe>(action).batch);
  };
  CommitAnswer answer;
  if (fault_now == Fault::lost_before) {
    answer = {CommitOutcome::rolled_back, "connection refused"};
  } else if (fault_now == Fault::doubt_before) {
    answer = {CommitOutcome::in_doubt, "connection lost"};
  } else if (fault_now == Fault::conflict) {
    answer = {CommitOutcome::conflict, "23505"};
  } else if (fault_now == Fault::doubt_after) {
    (void)perform_it();
    answer = {CommitOutcome::in_doubt, "connection lost"};
  } else {
    answer = perform_it();
  }
  if (fault_now != Fault::crash_after) loop_->on_commit(now(), answer);
}

void Harness::perform_store(const Action& action, std::optional<Fault> fault_now) {
  const bool is_commit =
      std::holds_alternative<issuer::Commit>(action) || std::holds_alternative<issuer::Probe>(action);
  if (is_commit) {
    if (hold_commits) {
      held_ = action;
      return;
    }
    return answer_commit(action, fault_now);
  }
  const auto lost = [&](auto answer) {
    if (fault_now == Fault::doubt_after) answer = fail(Error::Kind::unavailable, "connection lost");
    return answer;
  };
  const bool before = fault_now == Fault::lost_before || fault_now == Fault::doubt_before;
  if (before) database.set_down(true);
  if (std::holds_alternative<issuer::TakeOver>(action)) {
    loop_->on_taken_over(now(), lost(store_->take_over(test_partition)));
  } else if (const auto* rebuild = std::get_if<issuer::Rebuild>(&action)) {
    loop_->on_taken_over(now(), lost(store_->rebuild(test_partition, rebuild->epoch)));
  } else if (const auto* load = std::get_if<issuer::LoadDetails>(&action)) {
    loop_->on_details(now(), lost(store_->load_details(load->campaigns, settings_.hash_seed)));
  } else if (std::holds_alternative<issuer::QueryDispatchRate>(action)) {
    loop_->on_dispatch_rate(now(), lost(store_->dispatch_per_second(test_partition)));
  } else if (const auto* query = std::get_if<issuer::QueryBulkAcceptance>(&action)) {
    loop_->on_bulk_acceptance(now(), lost(store_->dead_letters_accepted(test_partition, query->first, query->last)));
  }
  if (before) database.set_down(false);
}

void Harness::perform_log(const Action& action, std::optional<Fault> fault_now) {
  const bool lost =
      fault_now == Fault::lost_before || fault_now == Fault::doubt_before || fault_now == Fault::doubt_after;
  const auto away = fail(Error::Kind::unavailable, "the broker cannot be reached");
  if (const auto* open = std::get_if<issuer::OpenLog>(&action)) {
    if (lost) return loop_->on_opened(now(), away);
    auto opened = log.open(ports::Topic::requests, test_partition, open->from);
    if (!opened) return loop_->on_opened(now(), std::unexpected(opened.error()));
    reader_ = std::move(*opened);
    loop_->on_opened(now(), {});
  } else if (const auto* ask = std::get_if<issuer::AskBounds>(&action)) {
    if (lost || ask->timeout < bounds_take) return loop_->on_bounds(now(), away);
    loop_->on_bounds(now(), reader_->bounds({}));
  } else if (const auto* read = std::get_if<issuer::ReadLog>(&action)) {
    if (lost) return loop_->on_records(now(), away);
    read_ = PendingRead{read->records_max, monotonic_us_ + read->timeout.count() * 1'000, false};
  }
}

void Harness::release(std::optional<CommitAnswer> instead) {
  const Action action = std::move(*held_);
  held_.reset();
  if (instead) {
    loop_->on_commit(now(), *instead);
  } else {
    answer_commit(action, std::nullopt);
  }
  run();
}

// ---- transcript ----

namespace {

std::string range(const ports::CommitBatch& batch) {
  return " " + std::to_string(batch.expected_next_offset.value) + "-" + std::to_string(batch.next_offset.value - 1);
}

const char* name(issuer::Notice::Kind kind) {
  constexpr const char* names[] = {"taken_over",   "dropped",           "rebuilt",           "record_refused",
                                   "clock_ahead",  "clock_caught_up",   "bulk_dead_letters", "bulk_accepted",
                                   "batch_shrunk", "store_unavailable", "log_unavailable"};
  return names[std::to_underlying(kind)];
}

}  // namespace

void Harness::note(const Action& action) {
  std::string line;
  if (std::holds_alternative<issuer::TakeOver>(action)) line = "TakeOver";
  if (std::holds_alternative<issuer::Rebuild>(action)) line = "Rebuild";
  if (const auto* load = std::get_if<issuer::LoadDetails>(&action)) {
    line = "LoadDetails";
    for (const CampaignId campaign : load->campaigns) line += " " + std::to_string(campaign.value);
  }
  if (const auto* query = std::get_if<issuer::QueryBulkAcceptance>(&action)) {
    line = "QueryBulkAcceptance " + std::to_string(query->first.value) + "-" + std::to_string(query->last.value);
  }
  if (const auto* commit = std::get_if<issuer::Commit>(&action)) line = "Commit" + range(*commit->batch);
  if (const auto* probe = std::get_if<issuer::Probe>(&action)) line = "Probe" + range(*probe->batch);
  if (const auto* open = std::get_if<issuer::OpenLog>(&action)) line = "OpenLog " + std::to_string(open->from.value);
  if (const auto* publish = std::get_if<issuer::Publish>(&action)) line = "Publish" + range(*publish->batch);
  if (const auto* stop = std::get_if<issuer::Stop>(&action)) line = "Stop " + stop->reason + " " + stop->message;
  if (const auto* tell = std::get_if<issuer::Tell>(&action)) {
    line = std::string("Tell ") + name(tell->notice.kind) + " " + tell->notice.reason;
  }
  if (!line.empty()) transcript.push_back(line);
}

std::size_t Harness::count(const std::string& beginning) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(transcript, [&](const std::string& line) { return line.starts_with(beginning); }));
}

std::string Harness::last(const std::string& beginning) const {
  for (std::size_t i = transcript.size(); i > 0; --i) {
    if (transcript[i - 1].starts_with(beginning)) return transcript[i - 1];
  }
  return "";
}

}  // namespace openrun::testing
