#include "gateway/rest/status_handler.hpp"

#include <algorithm>
#include <utility>

#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

class StatusHandler::Held final : public Waiting {
 public:
  Held(StatusHandler& handler, Poll poll, Seat seat)
      : handler_(handler), poll_(std::move(poll)), seat_(std::move(seat)) {}

  void decided(const Found& found) override { handler_.answer(std::move(poll_), found); }
  void expired() override { poll_.reply->send(handler_.answers_.still_waiting(200, poll_.receipt, poll_.wait_s)); }

 private:
  StatusHandler& handler_;
  Poll poll_;
  Seat seat_;
};

void StatusHandler::get(Call& call) {
  const auto place = parts_.signer.verify(call.argument);
  if (!place) {
    ports::HttpResponse response = not_found("This is no receipt of this service.");
    no_store(response);
    call.reply->send(std::move(response));
    return;
  }
  const std::int64_t now_us = parts_.clock.monotonic_us();
  Poll poll;
  poll.io = &call.io;
  poll.receipt = {*place, std::string(call.argument)};
  poll.reply = std::move(call.reply);
  poll.wait_s = preferred_wait_s(call.request.header("Prefer"));
  poll.deadline_us = now_us + poll.wait_s.value_or(0) * 1'000'000;
  const Found found = parts_.window.look_up(place->partition, place->offset, place->nonce, now_us);
  answer(std::move(poll), found);
}

void StatusHandler::answer(Poll poll, const Found& found) {
  switch (found.kind) {
    case Found::Kind::decided:
      // Only the store knows whether a dead letter was replayed since.
      if (found.outcome == issuance::Outcome::dead_lettered) {
        ask_store(std::move(poll), found);
      } else {
        send_polled(poll, found);
      }
      return;
    case Found::Kind::waiting:
      // A window that is still being filled knows nothing about what was decided before this gateway started.
      if (parts_.feed.ready() && parts_.window.seen(poll.receipt.place.partition)) {
        wait(std::move(poll), found.position);
      } else {
        ask_store(std::move(poll), found);
      }
      return;
    case Found::Kind::hole:
      if (found.missing_us < missing_after_ms * 1'000) {
        wait(std::move(poll), 0);
      } else {
        ask_store(std::move(poll), found);
      }
      return;
    case Found::Kind::too_old:
      ask_store(std::move(poll), found);
      return;
    case Found::Kind::mismatch:
      poll.reply->send(gone());
      return;
  }
}

void StatusHandler::send_polled(const Poll& poll, const Found& found) {
  answers_.polled(*poll.io, poll.receipt, found, poll.wait_s,
                  [reply = poll.reply](ports::HttpResponse response) { reply->send(std::move(response)); });
}

void StatusHandler::wait(Poll poll, std::int64_t position) {
  const bool wants = poll.wait_s.value_or(0) > 0 && !parts_.draining;
  std::optional<Seat> seat;
  if (wants) seat = parts_.waits.take();
  if (!seat) {
    if (wants) poll.wait_s.reset();
    poll.reply->send(answers_.waiting(200, poll.receipt, position, poll.wait_s));
    return;
  }
  Lane& lane = parts_.lanes.of(*poll.io);
  const crypto::Receipt place = poll.receipt.place;
  const std::int64_t deadline_us = poll.deadline_us;
  lane.hold(place.partition, place.offset, place.nonce,
            std::make_unique<Held>(*this, std::move(poll), std::move(*seat)), deadline_us);
}

void StatusHandler::ask_store(Poll poll, const Found& seen) {
  const std::shared_ptr<ports::HttpReply> reply = poll.reply;
  const bool accepted = parts_.pool.submit([this, poll = std::move(poll), seen](ports::GatewayStore& store) mutable {
    const crypto::Receipt place = poll.receipt.place;
    Result<StoredOutcome> stored = look_up_outcome(store, place.partition, place.offset, place.nonce);
    if (stored && stored->batch) parts_.sink.repair(*stored->batch);
    if (stored) stored->batch.reset();
    ports::IoThread& io = *poll.io;
    io.post([this, poll = std::move(poll), seen, stored = std::move(stored)] { answer_stored(poll, seen, stored); });
  });
  if (!accepted) reply->send(overloaded("Too many questions wait for the store."));
}

void StatusHandler::answer_stored(Poll poll, const Found& seen, const Result<StoredOutcome>& stored) {
  if (!stored) {
    // What the window knew stands: only whether it was replayed could not be asked.
    if (seen.kind == Found::Kind::decided) {
      send_polled(poll, seen);
    } else if (seen.kind == Found::Kind::waiting) {
      wait(std::move(poll), seen.position);
    } else {
      poll.reply->send(unavailable(stored.error().kind));
    }
    return;
  }
  switch (stored->kind) {
    case StoredOutcome::Kind::decided:
      send_polled(poll, stored->found);
      return;
    case StoredOutcome::Kind::gone:
      poll.reply->send(gone());
      return;
    case StoredOutcome::Kind::undecided: {
      const Offset frontier = std::max(stored->next_offset, parts_.window.highest(poll.receipt.place.partition));
      const std::int64_t position = std::max<std::int64_t>(poll.receipt.place.offset - frontier, 0);
      if (parts_.clock.monotonic_us() >= poll.deadline_us) {
        poll.reply->send(answers_.waiting(200, poll.receipt, position, poll.wait_s));
      } else {
        wait(std::move(poll), position);
      }
      return;
    }
  }
}

}  // namespace openrun::gateway
