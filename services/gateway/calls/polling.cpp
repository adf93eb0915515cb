#include "gateway/calls/polling.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {

class Polling::Held final : public Waiting {
 public:
  Held(Polling& polling, Poll poll, Seat seat) : polling_(polling), poll_(std::move(poll)), seat_(std::move(seat)) {}

  void decided(const Found& found, std::int64_t) override { polling_.answer(std::move(poll_), found); }
  void expired() override {
    const crypto::Receipt place = poll_.receipt.place;
    const std::int64_t position = place.offset - polling_.parts_.window.highest(place.partition);
    tell_waiting(std::move(poll_), position, true);
  }

 private:
  Polling& polling_;
  Poll poll_;
  Seat seat_;
};

void Polling::ask(ports::IoThread& io, NamedReceipt receipt, std::int64_t wait_us, OnRequestAnswer on_answer) {
  const std::int64_t now_us = parts_.clock.monotonic_us();
  const crypto::Receipt place = receipt.place;
  Poll poll{.io = &io,
            .receipt = std::move(receipt),
            .wants_wait = wait_us > 0,
            .asked_us = now_us,
            .deadline_us = now_us + wait_us,
            .on_answer = std::move(on_answer)};
  answer(std::move(poll), parts_.window.look_up(place.partition, place.offset, place.nonce, now_us));
}

void Polling::tell_waiting(Poll poll, std::int64_t position, bool waited) {
  RequestAnswer answer;
  answer.kind = RequestAnswer::Kind::waiting;
  answer.receipt = std::move(poll.receipt);
  answer.position = position;
  answer.waited = waited;
  poll.on_answer(std::move(answer));
}

void Polling::tell(Poll poll, RequestAnswer::Kind kind, Error::Kind error, std::string_view detail) {
  RequestAnswer answer;
  answer.kind = kind;
  answer.receipt = std::move(poll.receipt);
  answer.error = error;
  answer.detail = detail;
  poll.on_answer(std::move(answer));
}

void Polling::tell_decided(Poll poll, const Found& found) {
  const Tracing::Place at{poll.receipt.place.campaign, poll.receipt.place.partition, poll.receipt.place.offset};
  const auto known = parts_.tracing == nullptr ? std::nullopt : parts_.tracing->take(at.partition, at.offset);
  answer_decided(parts_, *poll.io, std::move(poll.receipt), found, poll.wants_wait, std::move(poll.on_answer));
  if (known) parts_.tracing->polled(*known, poll.asked_us, at, found.outcome);
}

void Polling::answer(Poll poll, const Found& found) {
  switch (found.kind) {
    case Found::Kind::decided:
      // Only the store knows whether a dead letter was replayed since.
      if (found.outcome == issuance::Outcome::dead_lettered) {
        ask_store(std::move(poll), found);
      } else {
        tell_decided(std::move(poll), found);
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
      tell(std::move(poll), RequestAnswer::Kind::gone, {}, {});
      return;
  }
}

void Polling::wait(Poll poll, std::int64_t position) {
  std::optional<Seat> seat;
  if (poll.wants_wait && !parts_.draining) seat = parts_.waits.take();
  if (!seat) {
    tell_waiting(std::move(poll), position, false);
    return;
  }
  Lane& lane = parts_.lanes.of(*poll.io);
  const crypto::Receipt place = poll.receipt.place;
  const std::int64_t deadline_us = poll.deadline_us;
  lane.hold(place.partition, place.offset, place.nonce,
            std::make_unique<Held>(*this, std::move(poll), std::move(*seat)), parts_.clock.monotonic_us(), deadline_us);
}

void Polling::ask_store(Poll poll, const Found& seen) {
  parts_.meters.store_polls.add();
  const bool accepted = parts_.pool.submit([this, poll, seen](ports::GatewayStore& store) mutable {
    const crypto::Receipt place = poll.receipt.place;
    Result<StoredOutcome> stored = look_up_outcome(store, place.partition, place.offset, place.nonce);
    if (stored && stored->batch) {
      if (parts_.tracing != nullptr) parts_.tracing->learn(*stored->batch);
      parts_.sink.repair(*stored->batch);
    }
    if (stored) stored->batch.reset();
    ports::IoThread& io = *poll.io;
    io.post([this, poll = std::move(poll), seen, stored = std::move(stored)]() mutable {
      answer_stored(std::move(poll), seen, stored);
    });
  });
  if (accepted) return;
  tell(std::move(poll), RequestAnswer::Kind::unavailable, Error::Kind::overloaded, StorePool::full);
}

void Polling::answer_stored(Poll poll, const Found& seen, const Result<StoredOutcome>& stored) {
  if (!stored) {
    // What the window knew stands: only whether it was replayed could not be asked.
    if (seen.kind == Found::Kind::decided) {
      tell_decided(std::move(poll), seen);
    } else if (seen.kind == Found::Kind::waiting) {
      wait(std::move(poll), seen.position);
    } else {
      tell(std::move(poll), RequestAnswer::Kind::unavailable, stored.error().kind, {});
    }
    return;
  }
  switch (stored->kind) {
    case StoredOutcome::Kind::decided:
      tell_decided(std::move(poll), stored->found);
      return;
    case StoredOutcome::Kind::gone:
      tell(std::move(poll), RequestAnswer::Kind::gone, {}, {});
      return;
    case StoredOutcome::Kind::undecided: {
      const Offset frontier = std::max(stored->next_offset, parts_.window.highest(poll.receipt.place.partition));
      const std::int64_t position = std::max<std::int64_t>(poll.receipt.place.offset - frontier, 0);
      if (parts_.clock.monotonic_us() >= poll.deadline_us) {
        const bool waited = poll.wants_wait;
        tell_waiting(std::move(poll), position, waited);
      } else {
        wait(std::move(poll), position);
      }
      return;
    }
  }
}

}  // namespace openrun::gateway
