#include "runner.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.hpp"

namespace openrun::load {
namespace {

constexpr std::int64_t retry_delay_us = 200'000;
constexpr std::int64_t progress_every_us = 500'000;
constexpr std::int64_t turn_us_max = 100'000;
// So long before the warm-up ends the CPU is looked at: whoever is held up by that is not counted among those who are
// measured.
constexpr std::int64_t cpu_look_lead_us = turn_us_max + 50'000;

std::int64_t number_or(std::string_view text, std::int64_t otherwise) {
  std::int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Runner::Runner(const Options& options, std::vector<std::uint32_t> addresses)
    : options_(options),
      addresses_(std::move(addresses)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      links_(options.connections),
      cpu_(options.processes) {
  for (std::size_t i = links_.size(); i-- > 0;) {
    links_[i].endpoint = i % addresses_.size();
    idle_.push_back(i);
  }
  tasks_.reserve(options.users * options.clicks);
}

Runner::~Runner() {
  ::close(poll_);
}

Report Runner::run() {
  if (options_.start_at_ms > 0) wait_until_wall(options_.start_at_ms * 1'000);
  if (options_.warmup_ms == 0) cpu_.begin(decided_);
  started_us_ = monotonic_us();
  const std::int64_t cpu_from_us = started_us_ + options_.warmup_ms * 1'000 - cpu_look_lead_us;
  next_arrival_us_ = started_us_;
  std::array<epoll_event, 512> events{};
  for (std::int64_t now = started_us_; !finished(now); now = monotonic_us()) {
    if (now >= cpu_from_us) cpu_.begin(decided_);
    admit(now);
    dispatch(now);
    const std::int64_t wait_us = next_wake(now) - now;
    const int wait_ms = static_cast<int>(std::clamp<std::int64_t>((wait_us + 999) / 1'000, 0, turn_us_max / 1'000));
    const int n = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), wait_ms);
    for (int i = 0; i < n; ++i) on_ready(events[static_cast<std::size_t>(i)].data.u64);
    report_progress(monotonic_us(), false);
    if (options_.reread && !rereading_ && all_sent(now) && open_ == 0) begin_reread();
  }
  cpu_.end(decided_);
  report_.cpu = cpu_.report();
  report_progress(monotonic_us(), true);
  report_.seconds = static_cast<double>(std::max<std::int64_t>(1, last_answer_us_ - started_us_)) / 1e6;
  if (report_.send_seconds == 0) report_.send_seconds = report_.seconds;
  const double warmup_s = static_cast<double>(options_.warmup_ms) / 1e3;
  if (report_.send_seconds > warmup_s) report_.send_seconds -= warmup_s;
  for (const Task& task : tasks_) {
    if (!task.receipt.empty() && task.outcome.empty()) report_.undecided += 1;
  }
  return std::move(report_);
}

bool Runner::all_sent(std::int64_t now) const {
  return users_begun_ == options_.users ||
         (options_.send_ms_max > 0 && now - started_us_ > options_.send_ms_max * 1'000);
}

bool Runner::finished(std::int64_t now) const {
  if (now - started_us_ > options_.duration_ms_max * 1'000) return true;
  return all_sent(now) && open_ == 0 && (!options_.reread || rereading_);
}

void Runner::admit(std::int64_t now) {
  if (options_.send_ms_max > 0 && now - started_us_ > options_.send_ms_max * 1'000) return;
  if (options_.rate <= 0) {
    while (users_begun_ < options_.users && ready_.size() < idle_.size()) begin_user(now);
    return;
  }
  while (users_begun_ < options_.users && next_arrival_us_ <= now) {
    begin_user(next_arrival_us_);
    const double mean = 1e6 * options_.clicks / options_.rate;
    const double gap = options_.poisson ? std::exponential_distribution<double>(1 / mean)(random_) : mean;
    // The schedule is kept in absolute times: a late generator catches up, and the latency shows it.
    next_arrival_us_ = options_.poisson
                           ? next_arrival_us_ + static_cast<std::int64_t>(gap)
                           : started_us_ + static_cast<std::int64_t>(mean * static_cast<double>(users_begun_));
  }
}

void Runner::begin_user(std::int64_t intended_us) {
  const std::uint64_t user = users_begun_++;
  for (unsigned click = 0; click < options_.clicks; ++click) {
    Task task;
    task.user = user;
    task.intended_us = intended_us;
    task.campaign = options_.campaigns[user % options_.campaigns.size()];
    tasks_.push_back(std::move(task));
    ready_.push_back(static_cast<std::uint32_t>(tasks_.size() - 1));
    report_.sent += 1;
    open_ += 1;
  }
  second_of(intended_us).sent += options_.clicks;
}

bool Runner::is_measured(const Task& task) const {
  return task.intended_us >= started_us_ + options_.warmup_ms * 1'000;
}

Second& Runner::second_of(std::int64_t at_us) {
  const auto second = static_cast<std::size_t>(std::max<std::int64_t>(0, at_us - started_us_) / 1'000'000);
  const std::size_t index = std::min(second, seconds_max - 1);
  if (report_.timeline.size() <= index) report_.timeline.resize(index + 1);
  return report_.timeline[index];
}

void Runner::dispatch(std::int64_t now) {
  while (!timers_.empty() && timers_.top().at_us <= now) {
    ready_.push_back(timers_.top().task);
    timers_.pop();
  }
  while (!ready_.empty() && !idle_.empty()) {
    const std::uint32_t task = ready_.front();
    ready_.pop_front();
    if (is_impatient(tasks_[task], now)) {
      report_.impatient += 1;
      report_.gave_up += 1;
      open_ -= 1;
      continue;
    }
    const std::size_t link = idle_.back();
    idle_.pop_back();
    if (!start_on(link, task)) on_broken(link);
  }
}

bool Runner::is_impatient(const Task& task, std::int64_t now) const {
  return options_.patience_ms_max > 0 && task.phase == Phase::submit && task.retries == 0 &&
         now - task.intended_us > options_.patience_ms_max * 1'000;
}

bool Runner::start_on(std::size_t index, std::uint32_t task) {
  Link& link = links_[index];
  link.task = task;
  tasks_[task].phase_us = tasks_[task].phase == Phase::submit ? tasks_[task].intended_us : monotonic_us();
  if (!link.connection.is_open()) {
    const std::uint32_t address = addresses_[link.endpoint];
    if (!link.connection.open(address, options_.endpoints[link.endpoint].port, source_of(address))) return false;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.u64 = index;
    link.registered_write = true;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, link.connection.descriptor(), &event) != 0) return false;
  }
  if (link.connection.send(request_of(tasks_[task])) == Connection::Step::broken) return false;
  watch(index, link.connection.wants_write());
  return true;
}

// A port that was used rests for a second at least, and an address has some 28,000: with a connection for each request
// one address would soon have none left. On loopback there are more to come from (Linux), so it is many hosts there.
std::uint32_t Runner::source_of(std::uint32_t address) {
  constexpr std::uint32_t loopback = 127;
  constexpr std::uint32_t first_host = 0x7F010001, hosts = 250;
  if (options_.keep_alive || ntohl(address) >> 24 != loopback) return 0;
  return htonl(first_host + connections_made_++ % hosts);
}

std::string Runner::request_of(const Task& task) const {
  std::string request;
  request.reserve(256);
  const auto bear = [&] {
    if (!options_.tokens.empty()) request += "Authorization: Bearer " + options_.tokens.at(task.user) + "\r\n";
  };
  const auto prefer = [&] { request += "Prefer: wait=" + std::to_string(options_.wait_s) + "\r\n"; };
  if (task.phase == Phase::submit) {
    const std::string body = "{\"user_id\":\"" + options_.user_prefix + std::to_string(task.user) + "\"}";
    request += "POST /v1/campaigns/" + std::to_string(task.campaign) + "/requests HTTP/1.1\r\nHost: openrun\r\n";
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    if (options_.mode == Mode::waited) prefer();
    bear();
    request += "\r\n";
    request += body;
  } else {
    request += "GET /v1/requests/" + task.receipt + " HTTP/1.1\r\nHost: openrun\r\n";
    if (options_.mode != Mode::short_poll && task.phase == Phase::status) prefer();
    bear();
    request += "\r\n";
  }
  return request;
}

void Runner::on_ready(std::size_t index) {
  Link& link = links_[index];
  if (link.task == none) {
    // An idle connection that became readable was closed by the server.
    link.connection.close();
    link.registered_write = false;
    return;
  }
  const Connection::Step step = link.connection.ready();
  if (step == Connection::Step::answered) {
    on_answer(index);
  } else if (step == Connection::Step::broken) {
    on_broken(index);
  } else {
    watch(index, link.connection.wants_write());
  }
}

void Runner::on_broken(std::size_t index) {
  const std::uint32_t task = links_[index].task;
  report_.transport_errors += 1;
  // The next attempt goes to another gateway, as it would behind a load balancer.
  links_[index].endpoint = (links_[index].endpoint + 1) % addresses_.size();
  release(index, false);
  retry_or_give_up(task, retry_delay_us);
}

void Runner::on_answer(std::size_t index) {
  Link& link = links_[index];
  const std::uint32_t id = link.task;
  const Answer& answer = link.connection.answer();
  const std::int64_t now = monotonic_us();
  last_answer_us_ = now;
  report_.statuses[answer.status] += 1;
  const std::string_view status = json_member(answer.body, "status");
  const bool request_answer = answer.status == 200 || answer.status == 201 || answer.status == 202;
  if (answer.status == 429 || answer.status == 503) {
    if (answer.retry_after_s < 0) report_.unadvised += 1;
    retry_or_give_up(id, answer.retry_after_s > 0 ? answer.retry_after_s * 1'000'000 : retry_delay_us);
  } else if (request_answer && status == "waiting") {
    on_receipt(id, answer, now);
  } else if (request_answer && (status == "issued" || status == "failed")) {
    decide(id, std::string(status), answer, now);
  } else if (request_answer && status == "rejected") {
    decide(id, std::string(json_member(answer.body, "reason")), answer, now);
  } else if (answer.status == 409 || answer.status == 404) {
    decide(id, std::string(json_member(answer.body, "code")), answer, now);
  } else {
    retry_or_give_up(id, retry_delay_us);
  }
  release(index, options_.keep_alive && link.connection.answer().keep_alive);
}

void Runner::on_receipt(std::uint32_t id, const Answer& answer, std::int64_t now) {
  Task& task = tasks_[id];
  const bool first = task.phase == Phase::submit;
  if (first) {
    task.receipt = json_member(answer.body, "receipt");
    task.phase = Phase::status;
    report_.accepted += 1;
    if (is_measured(task)) report_.accepted_us.record(now - task.intended_us);
    if (options_.mode == Mode::submit) {
      task.outcome = "accepted";
      open_ -= 1;
      return;
    }
  }
  const std::int64_t advised_ms = number_or(json_member(answer.body, "poll_after_ms"), 200);
  if (options_.mode == Mode::short_poll) {
    requeue(id, now + advised_ms * 1'000);
  } else {
    // A wait that ended early (a gateway that drains, or has no slot) is repeated no sooner than advised.
    requeue(id, first ? now : std::max(now, task.phase_us + advised_ms * 1'000));
  }
}

void Runner::decide(std::uint32_t id, std::string outcome, const Answer& answer, std::int64_t now) {
  Task& task = tasks_[id];
  open_ -= 1;
  if (task.phase == Phase::reread) {
    report_.reread_us.record(now - task.phase_us);
    if (outcome != task.outcome) report_.changed += 1;
    return;
  }
  if (task.phase == Phase::submit) {
    task.receipt = json_member(answer.body, "receipt");
    if (!task.receipt.empty()) report_.accepted += 1;
    if (!task.receipt.empty() && is_measured(task)) report_.accepted_us.record(now - task.intended_us);
  }
  decided_ += 1;
  if (is_measured(task)) report_.decided_us.record(now - task.intended_us);
  Second& second = second_of(now);
  second.decided += 1;
  second.decided_us.record(now - task.intended_us);
  report_.outcomes[outcome] += 1;
  if (outcome == "issued") issued_ += 1;
  report_.send_seconds = static_cast<double>(now - started_us_) / 1e6;
  if (outcome == "issued" || outcome == "ALREADY_ISSUED") {
    Winner winner;
    winner.campaign = task.campaign;
    winner.user = task.user;
    const std::size_t coupon = answer.body.find("\"coupon\"");
    const std::string_view json = coupon == std::string_view::npos ? std::string_view{} : answer.body.substr(coupon);
    winner.sequence = static_cast<std::uint64_t>(number_or(json_member(json, "sequence"), 0));
    winner.code = json_member(json, "code");
    winner.issued_at = json_member(json, "issued_at");
    report_.winners.push_back(std::move(winner));
  }
  task.outcome = std::move(outcome);
}

void Runner::retry_or_give_up(std::uint32_t id, std::int64_t delay_us) {
  Task& task = tasks_[id];
  // A receipt is a promise, so asking for its outcome is repeated until the run ends; a submit only as often as told.
  if (task.phase == Phase::submit && task.retries >= options_.retries_max) {
    report_.gave_up += 1;
    open_ -= 1;
    return;
  }
  task.retries += 1;
  report_.retried += 1;
  requeue(id, monotonic_us() + delay_us);
}

void Runner::requeue(std::uint32_t id, std::int64_t at_us) {
  if (at_us <= monotonic_us()) {
    ready_.push_back(id);
  } else {
    timers_.push({at_us, id});
  }
}

void Runner::release(std::size_t index, bool keep) {
  Link& link = links_[index];
  link.task = none;
  if (!keep) {
    link.connection.close();
    link.registered_write = false;
  }
  idle_.push_back(index);
}

void Runner::watch(std::size_t index, bool write) {
  Link& link = links_[index];
  if (link.registered_write == write) return;
  epoll_event event{};
  event.events = EPOLLIN | (write ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  event.data.u64 = index;
  ::epoll_ctl(poll_, EPOLL_CTL_MOD, link.connection.descriptor(), &event);
  link.registered_write = write;
}

// Where every connection is refused at once, a closed loop still begins only as many users every 100 ms as there are
// connections: at full speed all of them would have spent their retries before the server is back. A run loses about
// half of that once an outage, less than a retry's delay. Arrivals at a rate are not held up.
std::int64_t Runner::next_wake(std::int64_t now) const {
  std::int64_t wake = now + turn_us_max;
  if (!ready_.empty() && !idle_.empty()) return now;
  if (!timers_.empty()) wake = std::min(wake, timers_.top().at_us);
  if (options_.rate > 0 && users_begun_ < options_.users) wake = std::min(wake, next_arrival_us_);
  return std::max(wake, now);
}

void Runner::report_progress(std::int64_t now, bool last) {
  if (!options_.progress || (!last && now < next_progress_us_)) return;
  next_progress_us_ = now + progress_every_us;
  Progress progress;
  progress.seconds = static_cast<double>(now - started_us_) / 1e6;
  progress.sent = report_.sent;
  progress.decided = decided_;
  progress.issued = issued_;
  progress.failed = report_.gave_up;
  progress.open = open_;
  options_.progress(progress);
}

void Runner::begin_reread() {
  rereading_ = true;
  cpu_.end(decided_);
  for (std::uint32_t id = 0; id < tasks_.size(); ++id) {
    Task& task = tasks_[id];
    if (task.receipt.empty() || task.outcome.empty()) continue;
    task.phase = Phase::reread;
    ready_.push_back(id);
    open_ += 1;
  }
}

}  // namespace openrun::load
