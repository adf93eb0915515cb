#include "dlq/run.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace openrun::dlq {
namespace {

std::vector<std::int64_t> ids_of(std::span<const Planned> letters) {
  std::vector<std::int64_t> ids;
  ids.reserve(letters.size());
  for (const Planned& planned : letters) ids.push_back(planned.id);
  return ids;
}

// Writes the action down; empty where the run is over before it began.
std::optional<std::int64_t> begin(const RunParts& parts, const ports::DeadLetterAction& action, RunReport& report) {
  const auto id = parts.store.begin_action(action);
  if (id) return *id;
  report.error = id.error().message;
  return std::nullopt;
}

void finish(const RunParts& parts, std::int64_t action, RunReport& report) {
  if (!report.complete()) return;
  if (auto done = parts.store.finish_action(action); !done) report.error = done.error().message;
}

// How many go at once: with a rate, few enough to keep it smooth.
std::size_t batch_of(std::uint32_t per_second) {
  return per_second == 0 ? batch_letters_max : std::clamp<std::size_t>(per_second / 5, 1, batch_letters_max);
}

class ReplayRun {
 public:
  ReplayRun(const RunParts& parts, const ReplayParts& replay, const PlanRules& rules, const Repairs& repairs,
            RunReport& report)
      : parts_(parts), replay_(replay), rules_(rules), repairs_(repairs), report_(report) {}

  void send(std::span<const Planned> planned, std::int64_t action) {
    const auto letters = parts_.store.letters_of(ids_of(planned));
    if (!letters) {
      report_.error = letters.error().message;
      return;
    }
    report_.left_out += planned.size() - letters->size();
    const std::size_t appended = append(*letters);
    const std::vector<ports::SentReplay> sent = acknowledged(*letters, appended);
    if (sent.empty()) return;
    if (auto recorded = parts_.store.record_replays(action, sent); !recorded) {
      report_.unknown += sent.size();
      report_.error = "replays are in the log, but Postgres could not be told (" + recorded.error().message +
                      "): run the same command again; a second copy changes nothing";
      return;
    }
    report_.done += sent.size();
  }

 private:
  // The token is the letter's index.
  std::size_t append(const std::vector<ports::DeadLetter>& letters) {
    std::size_t appended = 0;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const ports::DeadLetter& letter = letters[i];
      const std::string_view value = value_of(letter, repairs_);
      // Somebody may have replayed or discarded it since the plan was made.
      if (judge(rules_, letter, value)) {
        ++report_.left_out;
        continue;
      }
      const std::string key = std::to_string(read_value(value).campaign.value);
      // The replay belongs to the trace of the call that the letter came from.
      ports::Headers headers;
      if (const auto traceparent = ports::header(letter.row.headers, traceparent_name); !traceparent.empty())
        headers.emplace_back(traceparent_name, traceparent);
      const auto taken =
          replay_.log.append(letter.partition, key, replay_record(letter, value, replay_.nonce()), headers, i);
      if (!taken) {
        report_.error = "the log does not take more at the moment (" + taken.error().message +
                        "): run the same command again, it goes on where this one ended";
        break;
      }
      ++appended;
    }
    return appended;
  }

  std::vector<ports::SentReplay> acknowledged(const std::vector<ports::DeadLetter>& letters, std::size_t appended) {
    std::vector<ports::SentReplay> sent;
    std::size_t failed = 0;
    for (const ports::Delivery& delivery : replay_.box.take(appended, acknowledgement_timeout)) {
      const ports::DeadLetter& letter = letters.at(delivery.token);
      if (delivery.fate == ports::Delivery::Fate::stored) {
        sent.push_back({letter.id, letter.partition, letter.row.offset, delivery.offset});
      } else if (delivery.fate == ports::Delivery::Fate::failed) {
        ++failed;
      }
    }
    report_.unknown += appended - sent.size() - failed;
    if (sent.size() < appended && report_.error.empty()) {
      report_.error =
          "the log did not acknowledge every replay: run the same command again; what it took all the same is decided "
          "once";
    }
    return sent;
  }

  const RunParts& parts_;
  const ReplayParts& replay_;
  const PlanRules& rules_;
  const Repairs& repairs_;
  RunReport& report_;
};

}  // namespace

std::string_view value_of(const ports::DeadLetter& letter, const Repairs& repairs) {
  const auto repaired = repairs.find(letter.place());
  return repaired == repairs.end() ? std::string_view(letter.row.value) : std::string_view(repaired->second);
}

Result<void> each_letter(ports::DeadLetterStore& store, const ports::DeadLetterFilter& filter,
                         const std::function<void(const ports::DeadLetter&)>& each) {
  std::optional<ports::DeadLetterPlace> after;
  for (;;) {
    const auto page = store.letters(filter, after, batch_letters_max);
    if (!page) return std::unexpected(page.error());
    for (const ports::DeadLetter& letter : *page) each(letter);
    if (page->size() < batch_letters_max) return {};
    after = page->back().place();
  }
}

void DeliveryBox::put(std::span<const ports::Delivery> deliveries) {
  {
    const std::lock_guard lock(mutex_);
    deliveries_.insert(deliveries_.end(), deliveries.begin(), deliveries.end());
  }
  arrived_.notify_one();
}

std::vector<ports::Delivery> DeliveryBox::take(std::size_t count, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, timeout, [&] { return deliveries_.size() >= count; });
  return std::exchange(deliveries_, {});
}

RunReport run_replay(const RunParts& parts, const ReplayParts& replay, const Plan& plan, const PlanRules& rules,
                     const Repairs& repairs, const ports::DeadLetterAction& action) {
  RunReport report;
  report.planned = plan.letters.size();
  const auto id = begin(parts, action, report);
  if (!id) return report;
  ReplayRun run(parts, replay, rules, repairs, report);
  const std::span<const Planned> letters(plan.letters);
  const std::size_t batch = batch_of(replay.per_second);
  const std::int64_t begun_us = parts.clock.monotonic_us();
  for (std::size_t next = 0; next < letters.size() && report.complete(); next += batch) {
    run.send(letters.subspan(next, std::min(batch, letters.size() - next)), *id);
    parts.progress(report);
    std::chrono::milliseconds wait{0};
    if (replay.per_second > 0 && next + batch < letters.size()) {
      const auto due_us = begun_us + static_cast<std::int64_t>(report.done * 1'000'000 / replay.per_second);
      wait = std::chrono::milliseconds(std::max<std::int64_t>(0, (due_us - parts.clock.monotonic_us()) / 1'000));
    }
    if (parts.pause(wait) && next + batch < letters.size()) report.stopped = true;
  }
  finish(parts, *id, report);
  return report;
}

RunReport run_discard(const RunParts& parts, const Plan& plan, const ports::DeadLetterAction& action) {
  RunReport report;
  report.planned = plan.letters.size();
  const auto id = begin(parts, action, report);
  if (!id) return report;
  const std::span<const Planned> letters(plan.letters);
  for (std::size_t next = 0; next < letters.size() && report.complete(); next += batch_letters_max) {
    const auto batch = letters.subspan(next, std::min(batch_letters_max, letters.size() - next));
    const auto done = parts.store.discard(*id, ids_of(batch));
    if (!done) {
      report.error = done.error().message;
      break;
    }
    report.done += *done;
    report.left_out += batch.size() - *done;
    parts.progress(report);
    if (parts.pause(std::chrono::milliseconds(0)) && next + batch_letters_max < letters.size()) report.stopped = true;
  }
  finish(parts, *id, report);
  return report;
}

}  // namespace openrun::dlq
