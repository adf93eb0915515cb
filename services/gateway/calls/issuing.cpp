#include "gateway/calls/issuing.hpp"

#include <charconv>
#include <string>
#include <utility>

#include <openrun/wire/log_record.hpp>

namespace openrun::gateway {
namespace {

using Kind = RequestAnswer::Kind;

constexpr std::string_view result_of(Kind kind) {
  switch (kind) {
    case Kind::waiting:
      return "waiting";
    case Kind::decided:
      return "decided";
    case Kind::refused:
      return "refused";
    case Kind::needs_key:
      return "needs_key";
    case Kind::gone:
      return "gone";
    case Kind::unavailable:
      return "unavailable";
  }
  return "unavailable";
}

}  // namespace

// An appended request until its answer.
class Issuing::Posted final : public Submission {
 public:
  Posted(Parts& parts, Lane& lane, OnRequestAnswer on_answer, Seat pending, const IssueCall& call, std::uint32_t nonce)
      : parts_(parts),
        lane_(lane),
        on_answer_(std::move(on_answer)),
        seat_(std::move(pending)),
        trace_(call.trace),
        span_(call.span),
        appended_us_(is_traced() ? parts.clock.monotonic_us() : 0),
        received_us_(call.received_us),
        wait_us_(call.wait_us) {
    receipt_.place.campaign = call.campaign;
    receipt_.place.nonce = nonce;
  }

  void stored(std::unique_ptr<Submission> self, Partition partition, Offset offset, std::int64_t now_us) override {
    seat_.reset();
    receipt_.place.partition = partition;
    receipt_.place.offset = offset;
    receipt_.text = parts_.signer.sign(receipt_.place);
    parts_.meters.accepted.add();
    parts_.meters.append_seconds.observe(seconds_to(now_us));
    parts_.limits.admission().observe(now_us - received_us_, now_us);
    log("request stands in the log", "");
    if (is_traced()) parts_.tracing->appended(*trace_, span_, appended_us_, place(), true);
    if (wait_us_ > 0 && !parts_.draining) seat_ = parts_.waits.take();
    if (!seat_) {
      expired();
      return;
    }
    waited_ = true;
    lane_.hold(partition, offset, receipt_.place.nonce, std::move(self), now_us, received_us_ + wait_us_);
  }

  void not_stored(Error::Kind kind) override {
    log("the log did not acknowledge a request", "");
    if (is_traced()) parts_.tracing->appended(*trace_, span_, appended_us_, place(), false);
    (kind == Error::Kind::overloaded ? parts_.meters.overloaded : parts_.meters.unavailable).add();
    RequestAnswer answer;
    answer.kind = Kind::unavailable;
    answer.error = Error::Kind::overloaded;
    answer.detail = "The log did not acknowledge the request; asking again is safe.";
    on_answer_(std::move(answer));
  }

  void decided(const Found& found, std::int64_t now_us) override {
    if (found.kind != Found::Kind::decided) {
      expired();
      return;
    }
    log("request answered with its outcome", to_string(found.outcome));
    parts_.meters.outcome(found.outcome);
    parts_.meters.acknowledge_seconds.observe(seconds_to(now_us));
    const Tracing::Place at = place();
    const auto known = is_traced() ? parts_.tracing->take(at.partition, at.offset) : std::nullopt;
    answer_decided(parts_, lane_.io(), std::move(receipt_), found, waited_, std::move(on_answer_));
    if (known) parts_.tracing->answered(*known, at, found.outcome);
  }

  void expired() override {
    parts_.meters.waiting.add();
    RequestAnswer answer;
    answer.kind = Kind::waiting;
    answer.position = receipt_.place.offset - parts_.window.highest(receipt_.place.partition);
    answer.receipt = std::move(receipt_);
    answer.waited = waited_;
    on_answer_(std::move(answer));
  }

 private:
  [[nodiscard]] bool is_traced() const { return span_ != SpanId{}; }
  [[nodiscard]] Tracing::Place place() const {
    return {receipt_.place.campaign, receipt_.place.partition, receipt_.place.offset};
  }
  // For whoever follows the call's trace.
  void log(std::string_view message, std::string_view outcome) const {
    if (!trace_) return;
    log_traced(parts_.logger, ports::LogLevel::debug, message,
               {*trace_, receipt_.place.campaign, receipt_.place.partition, receipt_.place.offset}, outcome);
  }
  [[nodiscard]] double seconds_to(std::int64_t now_us) const {
    return static_cast<double>(now_us - received_us_) * 1e-6;
  }

  Parts& parts_;
  Lane& lane_;
  OnRequestAnswer on_answer_;
  std::optional<Seat> seat_;
  NamedReceipt receipt_;
  std::optional<TraceContext> trace_;
  SpanId span_;
  std::int64_t appended_us_;  // where the call is traced
  std::int64_t received_us_;
  std::int64_t wait_us_;
  bool waited_ = false;
};

void Issuing::ask(ports::IoThread& io, const IssueCall& call, OnRequestAnswer on_answer) {
  const auto sampled = parts_.tracing == nullptr ? std::nullopt : parts_.tracing->sample(call.trace);
  if (!sampled) {
    judge(io, call, std::move(on_answer));
    return;
  }
  IssueCall traced = call;
  traced.trace = sampled->record;
  traced.span = sampled->call;
  judge(io, traced,
        [this, sampled = *sampled, campaign = call.campaign, received_us = call.received_us,
         on_answer = std::move(on_answer)](RequestAnswer answer) {
          const Kind kind = answer.kind;
          const issuance::Outcome outcome = answer.outcome;
          on_answer(std::move(answer));
          parts_.tracing->submitted(sampled, received_us, campaign, result_of(kind), outcome,
                                    kind == Kind::unavailable);
        });
}

void Issuing::judge(ports::IoThread& io, const IssueCall& call, OnRequestAnswer on_answer) {
  if (const auto view = parts_.directory.known(call.campaign)) {
    admit(io, *view, call, std::move(on_answer));
  } else {
    load_then_admit(io, call, std::move(on_answer));
  }
}

void Issuing::load_then_admit(ports::IoThread& io, const IssueCall& call, OnRequestAnswer on_answer) {
  parts_.directory.load(io, call.campaign,
                        [this, &io, call, user = std::string(call.user), key = std::string(call.key),
                         on_answer = std::move(on_answer)](const Result<CampaignView>& view) {
                          if (view) {
                            IssueCall kept = call;
                            kept.user = user;
                            kept.key = key;
                            admit(io, *view, kept, on_answer);
                          } else if (view.error().kind == Error::Kind::not_found) {
                            refuse(issuance::Outcome::campaign_not_found, on_answer);
                          } else {
                            unavailable(view.error().kind, on_answer);
                          }
                        });
}

void Issuing::refuse(issuance::Outcome reason, const OnRequestAnswer& on_answer) {
  parts_.meters.outcome(reason);
  parts_.meters.gate_refusal(reason);
  RequestAnswer answer;
  answer.kind = Kind::refused;
  answer.outcome = reason;
  on_answer(std::move(answer));
}

void Issuing::overloaded(std::string_view detail, const OnRequestAnswer& on_answer) {
  parts_.meters.overloaded.add();
  RequestAnswer answer;
  answer.kind = Kind::unavailable;
  answer.error = Error::Kind::overloaded;
  answer.detail = detail;
  on_answer(std::move(answer));
}

void Issuing::unavailable(Error::Kind error, const OnRequestAnswer& on_answer) {
  parts_.meters.unavailable.add();
  RequestAnswer answer;
  answer.kind = Kind::unavailable;
  answer.error = error;
  on_answer(std::move(answer));
}

void Issuing::admit(ports::IoThread& io, const CampaignView& view, const IssueCall& call, OnRequestAnswer on_answer) {
  if (view.details->terms.policy.max_per_user > 1 && call.key.empty()) {
    RequestAnswer answer;
    answer.kind = Kind::needs_key;
    on_answer(std::move(answer));
    return;
  }
  if (!call.may_refuse_early) {
    append(io, view, call, std::move(on_answer));
    return;
  }
  const Directory::Judgement judgement = parts_.directory.judge(view, call.user);
  switch (judgement.kind) {
    case Directory::Judgement::Kind::enter:
      append(io, view, call, std::move(on_answer));
      return;
    case Directory::Judgement::Kind::refuse:
      refuse(judgement.reason, on_answer);
      return;
    case Directory::Judgement::Kind::winner:
      show_winner(io, call, judgement.reason, on_answer);
      return;
  }
}

void Issuing::show_winner(ports::IoThread& io, const IssueCall& call, issuance::Outcome reason,
                          const OnRequestAnswer& on_answer) {
  const bool accepted = parts_.pool.submit([this, &io, campaign = call.campaign, user = std::string(call.user), reason,
                                            on_answer](ports::GatewayStore& store) {
    io.post([this, reason, on_answer, coupon = store.coupon_of(campaign, user, "")] {
      if (!coupon) return unavailable(coupon.error().kind, on_answer);
      // Two users of one hash: this one holds nothing.
      if (!*coupon) return refuse(reason, on_answer);
      parts_.meters.outcome(issuance::Outcome::already_issued);
      parts_.meters.gate_refusal(issuance::Outcome::already_issued);
      RequestAnswer answer;
      answer.kind = Kind::refused;
      answer.outcome = issuance::Outcome::already_issued;
      answer.receipt.place.campaign = (*coupon)->campaign;
      answer.coupon = issued_coupon(**coupon);
      on_answer(std::move(answer));
    });
  });
  if (!accepted) overloaded(StorePool::full, on_answer);
}

void Issuing::append(ports::IoThread& io, const CampaignView& view, const IssueCall& call, OnRequestAnswer on_answer) {
  std::optional<Seat> seat = parts_.pending.take();
  if (!seat) {
    overloaded("Too many requests wait for the log.", on_answer);
    return;
  }
  const std::uint32_t nonce = parts_.random_u32();
  const std::string value = wire::encode_request(nonce, call.campaign, call.user, call.key);
  char key[16];
  const auto key_end = std::to_chars(key, key + sizeof key, call.campaign.value).ptr;
  Lane& lane = parts_.lanes.of(io);
  lane.append(parts_.appender, view.details->partition, std::string_view(key, key_end), value, call.trace,
              std::make_unique<Posted>(parts_, lane, std::move(on_answer), std::move(*seat), call, nonce));
}

}  // namespace openrun::gateway
