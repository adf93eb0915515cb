#include "relay_node.hpp"

#include <algorithm>

#include <openrun/wire/dead_letter.hpp>
#include <openrun/wire/result_batch.hpp>

#include "relay/dead_letter_headers.hpp"

namespace openrun::simulation {
namespace {

constexpr std::size_t tail_records_max = 1'000;

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

// ---- the process ----

RelayNode::RelayNode(Context& context, Checker& checker, std::string name)
    : Node(context, std::move(name)), outbox_(context.database, [&context] { return context.store_call(); }) {
  outbox_.on_cursor = [&checker](Partition partition, Offset cursor) { checker.cursor_saved(partition, cursor); };
  outbox_.on_exported = [&checker](Partition partition, const sim::DeadLetter& letter) {
    checker.marked_exported(partition, letter);
  };
}

std::unique_ptr<sim::Producer> RelayNode::producer(ports::Topic topic) {
  return std::make_unique<sim::Producer>(
      context_.scheduler, context_.broker, topic, [this] { return context_.produce(); },
      [this](const ports::Delivery& delivery) {
        guarded([this, delivery] {
          const auto found = workers_.find(delivery.partition);
          if (found != workers_.end()) found->second->deliver(delivery);
        })();
      });
}

void RelayNode::started() {
  results_ = producer(ports::Topic::results);
  dead_letters_ = producer(ports::Topic::dead_letters);
  for (std::int32_t p = 0; p < context_.plan.partitions; ++p) {
    const Partition partition{p};
    auto& worker = workers_[partition];
    worker = std::make_unique<RelayWorker>(*this, partition, (++generation_ << 40U) + 1);
    worker->begin();
  }
}

void RelayNode::crashed() {
  for (const auto& [partition, worker] : workers_) {
    const Offset saved = context_.database.partition(partition).published_through;
    if (worker->status().cursor > saved) {
      context_.coverage.count(Situation::relay_crash_between_publish_and_cursor);
    }
  }
  workers_.clear();
  results_.reset();
  dead_letters_.reset();
}

void RelayNode::assigned(Partition partition) {
  if (is_up()) workers_.at(partition)->set_owner(true);
}

void RelayNode::revoked(Partition partition) {
  if (is_up()) workers_.at(partition)->set_owner(false);
}

// ---- a partition ----

RelayWorker::RelayWorker(RelayNode& node, Partition partition, std::uint64_t first_token)
    : node_(node), context_(node.context_), partition_(partition), loop_(relay::LoopSettings{}, first_token) {}

relay::Now RelayWorker::now() const {
  return {node_.clock_.monotonic_us(), node_.clock_.now()};
}

void RelayWorker::turn() {
  for (const ports::Delivery& delivery : std::exchange(deliveries_, {})) {
    if (delivery.fate == ports::Delivery::Fate::stored) context_.coverage.count(Situation::relay_filled_a_gap);
    loop_.on_delivery(now(), delivery.token, delivery.fate);
  }
  perform(loop_.next(now()));
}

void RelayWorker::resume_after(std::int64_t delay_us) {
  node_.after(delay_us, [this, number = wait_number_] { resume(number); });
}

void RelayWorker::resume(std::uint64_t number) {
  if (waits_ == Waits::no || number != wait_number_) return;
  const Waits waited = std::exchange(waits_, Waits::no);
  ++wait_number_;
  if (waited == Waits::for_tail) read_tail();
  turn();
}

void RelayWorker::deliver(const ports::Delivery& delivery) {
  deliveries_.push_back(delivery);
  resume_after(0);
}

template <class Call>
void RelayWorker::ask(Call call) {
  node_.after(context_.store_us(), [this, call] {
    call();
    turn();
  });
}

void RelayWorker::perform(const relay::Action& action) {
  ports::Outbox& outbox = node_.outbox_;
  std::visit(
      Overloaded{
          [&](const relay::ReadCursor&) {
            ask([this, &outbox] { loop_.on_cursor(now(), outbox.published_through(partition_)); });
          },
          [&](const relay::ScanEntries& a) {
            ask([this, &outbox, a] { loop_.on_entries(now(), outbox.entries(partition_, a.from, a.limit)); });
          },
          [&](const relay::OpenTail& a) { ask([this, a] { open_tail(a); }); },
          [&](const relay::ReadTail& a) { wait_for_tail(a); },
          [&](const relay::FetchPayload& a) {
            ask([this, &outbox, a] { loop_.on_payload(now(), outbox.payload(partition_, a.first_offset)); });
          },
          [&](const relay::PublishRow& a) {
            const auto accepted =
                node_.results_->append(partition_, std::to_string(partition_.value), a.payload, {}, a.token);
            if (!accepted) loop_.on_delivery(now(), a.token, ports::Delivery::Fate::failed);
            node_.after(1, [this] { turn(); });
          },
          [&](const relay::PublishDeadLetter& a) {
            publish_dead_letter(a);
            node_.after(1, [this] { turn(); });
          },
          [&](const relay::SaveCursor& a) {
            ask([this, &outbox, a] { loop_.on_done(now(), outbox.set_published_through(partition_, a.cursor)); });
          },
          [&](const relay::ListDeadLetters& a) {
            ask([this, &outbox, a] {
              loop_.on_dead_letters(now(), outbox.dead_letters_to_export(partition_, a.limit));
            });
          },
          [&](const relay::MarkExported& a) {
            ask([this, &outbox, a] { loop_.on_done(now(), outbox.mark_exported(partition_, a.ids)); });
          },
          [&](const relay::Prune& a) {
            ask([this, &outbox, a] { loop_.on_pruned(now(), outbox.prune(partition_, a.before, a.limit)); });
          },
          [&](const relay::Pause& a) {
            waits_ = Waits::for_time;
            resume_after(a.duration_us);
          },
      },
      action);
}

void RelayWorker::open_tail(const relay::OpenTail& action) {
  sim::Broker& broker = context_.broker;
  const auto topic = ports::Topic::results;
  if (!broker.available()) {
    return loop_.on_tail_opened(now(), fail(Error::Kind::unavailable, "the broker cannot be reached"));
  }
  const ports::LogBounds bounds = broker.bounds(topic, partition_);
  Offset from = bounds.end;
  if (action.since) {
    from = std::clamp(*broker.offset_at(topic, partition_, *action.since, {}), bounds.begin, bounds.end);
  }
  reader_ = std::move(*broker.open(topic, partition_, from));
  position_ = from;
  loop_.on_tail_opened(now(), ports::LogBounds{from, bounds.end});
}

void RelayWorker::wait_for_tail(const relay::ReadTail& action) {
  waits_ = Waits::for_tail;
  const std::int64_t wait_us = (action.timeout_us + 999) / 1'000 * 1'000;
  const bool something = context_.broker.bounds(ports::Topic::results, partition_).end > position_;
  resume_after(something ? context_.network_us() : std::max<std::int64_t>(wait_us, 1));
  if (something) return;
  context_.broker.call_at_append(ports::Topic::results, partition_, node_.guarded([this, number = wait_number_] {
    node_.after(context_.network_us(), [this, number] { resume(number); });
  }));
}

void RelayWorker::read_tail() {
  if (!deliveries_.empty()) return;
  const auto batch = reader_->poll(tail_records_max, {});
  if (!batch) return loop_.on_tail(now(), std::unexpected(batch.error()), position_);
  std::vector<relay::SeenRange> ranges;
  for (const ports::LogRecord& record : batch->records) {
    position_ = record.offset + 1;
    if (const auto decoded = wire::decode_result_batch(record.value); decoded && decoded->partition == partition_) {
      ranges.push_back({decoded->first_offset, decoded->last_offset});
    }
  }
  loop_.on_tail(now(), std::move(ranges), position_);
}

void RelayWorker::publish_dead_letter(const relay::PublishDeadLetter& action) {
  const ports::DeadLetterRow& row = action.dead_letter.row;
  const auto accepted = node_.dead_letters_->append(
      partition_, row.key, row.value,
      relay::dead_letter_headers(action.dead_letter, partition_, wire::DeadLetterFacts().topic), action.token);
  if (!accepted) loop_.on_delivery(now(), action.token, ports::Delivery::Fate::failed);
}

}  // namespace openrun::simulation
