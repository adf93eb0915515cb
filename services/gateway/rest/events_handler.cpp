#include "gateway/rest/events_handler.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {
namespace {

constexpr std::string_view event_stream_type = "text/event-stream";
constexpr std::string_view outcome_id = "outcome";
constexpr std::int64_t position_max = 0x7FFFFFFFFFFFFFFF;
constexpr std::int64_t retry_after_s = 5;

// `data` is one line of JSON.
std::string event(std::string_view name, std::string_view id, std::string_view data) {
  std::string text;
  text.reserve(data.size() + 64);
  text.append("event: ").append(name);
  if (!id.empty()) text.append("\nid: ").append(id);
  text.append("\ndata: ").append(data).append("\n\n");
  return text;
}

}  // namespace

// One client's stream. Lives on its I/O thread, as long as a look at the window or a timer is under way.
class EventsHandler::Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(EventsHandler& handler, ports::IoThread& io, NamedReceipt receipt, std::shared_ptr<ports::HttpReply> reply,
         Seat seat, std::int64_t position)
      : handler_(handler),
        parts_(handler.parts_),
        io_(io),
        receipt_(std::move(receipt)),
        reply_(std::move(reply)),
        seat_(std::move(seat)),
        position_(position) {}

  void look(std::int64_t wait_ms) {
    has_asked_to_wait_ = wait_ms > 0;
    handler_.polling_.ask(io_, receipt_, wait_ms * 1'000,
                          [self = shared_from_this()](const RequestAnswer& answer) { self->take(answer); });
  }

 private:
  void take(const RequestAnswer& answer) {
    if (!stream_) {
      const bool is_known = answer.kind == RequestAnswer::Kind::waiting || answer.kind == RequestAnswer::Kind::decided;
      if (!is_known) return reply_->send(handler_.answers_.polled(answer, std::nullopt));
      begin();
    }
    if (stream_->abandoned()) return;
    switch (answer.kind) {
      case RequestAnswer::Kind::waiting:
        return take_position(answer);
      case RequestAnswer::Kind::decided:
        return end(event("outcome", outcome_id, handler_.answers_.polled(answer, std::nullopt).body));
      case RequestAnswer::Kind::gone:
        return end(event("problem", outcome_id, gone().body));
      default:
        // What it was told stands; the store may know more later.
        return look_later();
    }
  }

  void begin() {
    ports::HttpResponse head;
    head.content_type = event_stream_type;
    no_store(head);
    head.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy that collects answers would defeat their purpose
    stream_ = std::exchange(reply_, nullptr)->stream(std::move(head));
    write("retry: " + std::to_string(retry_ms_min + parts_.random_u32() % retry_ms_min) + "\n\n");
  }

  void take_position(const RequestAnswer& answer) {
    const Progress progress = handler_.answers_.progress(receipt_, answer.position);
    wait_ms_ = progress.poll_after_ms;
    // An upper bound that was told once holds; a look at the store may know less than the window did.
    if (progress.position < position_ && stream_->unsent() < unsent_bytes_max) {
      position_ = progress.position;
      write(event("position", std::to_string(position_),
                  waiting_request(receipt_.text, receipt_.place.campaign, progress)));
    }
    if (parts_.draining) return end({});  // the client connects again, to a gateway that stays
    if (parts_.clock.monotonic_us() - written_us_ >= heartbeat_ms * 1'000) write(":\n\n");
    has_asked_to_wait_ && !answer.waited ? look_later() : look(next_look_ms());
  }

  // How long the next look may wait for the outcome.
  [[nodiscard]] std::int64_t next_look_ms() const {
    const std::int64_t to_heartbeat_ms = heartbeat_ms - (parts_.clock.monotonic_us() - written_us_) / 1'000;
    return std::max(std::min(wait_ms_, to_heartbeat_ms), update_ms_min);
  }

  // Without a seat to wait for the outcome, or without an answer: by the clock.
  void look_later() {
    io_.after(update_ms_min, [self = shared_from_this()] { self->look(self->next_look_ms()); });
  }

  void write(std::string_view text) {
    stream_->write(text);
    written_us_ = parts_.clock.monotonic_us();
  }

  void end(std::string_view text) {
    write(text);
    stream_->finish();
  }

  EventsHandler& handler_;
  Parts& parts_;
  ports::IoThread& io_;
  const NamedReceipt receipt_;
  std::shared_ptr<ports::HttpReply> reply_;  // until the head is sent
  std::shared_ptr<ports::HttpStream> stream_;
  Seat seat_;
  std::int64_t position_;  // the last one told
  std::int64_t wait_ms_ = update_ms_min;
  std::int64_t written_us_ = 0;
  bool has_asked_to_wait_ = false;
};

void EventsHandler::get(Call& call) {
  auto receipt = answers_.admit(call);
  if (!receipt) return;
  const std::string_view last_id = call.request.header("Last-Event-ID");
  if (last_id == outcome_id) {
    ports::HttpResponse response;
    response.status = 204;
    no_store(response);
    return call.reply->send(std::move(response));
  }
  std::optional<Seat> seat = parts_.streams.take();
  if (!seat) return call.reply->send(overloaded("Too many event streams are open; poll instead.", retry_after_s));
  const std::optional<std::uint64_t> told = parse_number(last_id, position_max);
  std::make_shared<Stream>(*this, call.io, std::move(*receipt), std::move(call.reply), std::move(*seat),
                           told ? static_cast<std::int64_t>(*told) : position_max)
      ->look(0);
}

}  // namespace openrun::gateway
