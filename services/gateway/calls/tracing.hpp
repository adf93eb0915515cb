// The spans that the gateway makes of calls that are sampled. Where tracing is off there is no Tracing, and Parts holds
// no pointer to one: everybody else pays for one look at that pointer. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <openrun/base/ids.hpp>
#include <openrun/base/trace_context.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/spans.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::gateway {

class Tracing {
 public:
  // Sampled outcomes that nobody has asked for yet; the oldest are forgotten.
  static constexpr std::size_t outcomes_max = 16'384;

  Tracing(ports::SpanSink& sink, double sample_ratio, const ports::Clock& clock,
          const std::function<std::uint32_t()>& random_u32);

  // A call that asks for a coupon.
  struct Sampled {
    TraceContext record;  // for the record in the log: its parent is the span of the append
    SpanId call{};
    SpanId caller{};  // all zero where the trace begins here
  };
  // What the caller's flag says; without a trace of the caller's, sample_ratio of them. Empty: not sampled.
  [[nodiscard]] std::optional<Sampled> sample(const std::optional<TraceContext>& caller);

  struct Place {
    CampaignId campaign;
    Partition partition;
    Offset offset;
  };
  // The append has its delivery; `call` is its parent.
  void appended(const TraceContext& record, const SpanId& call, std::int64_t begun_us, const Place& place,
                bool is_stored);
  // The call was answered. `result` is a literal; `outcome` may be none.
  void submitted(const Sampled& call, std::int64_t received_us, CampaignId campaign, std::string_view result,
                 issuance::Outcome outcome, bool is_error);

  // An outcome that is known here, of a record that is sampled.
  struct Known {
    TraceContext record;
    std::int64_t known_us = 0;
  };
  // Before the batch is told to anybody.
  void learn(const wire::ResultBatch& batch);
  // Once for each outcome.
  [[nodiscard]] std::optional<Known> take(Partition partition, Offset offset);
  // What was taken was answered just now: to a call that waited for it, or to a poll that came at `asked_us`.
  void answered(const Known& known, const Place& place, issuance::Outcome outcome);
  void polled(const Known& known, std::int64_t asked_us, const Place& place, issuance::Outcome outcome);

 private:
  using Key = std::pair<Partition, Offset>;

  void add(const TraceContext& record, const SpanId& id, const SpanId& parent, std::string_view name,
           ports::SpanKind kind, std::int64_t begun_us, std::vector<ports::SpanAttribute> attributes,
           bool is_error = false);
  void add_outcome(const Known& known, std::string_view name, ports::SpanKind kind, std::int64_t begun_us,
                   const Place& place, issuance::Outcome outcome);

  ports::SpanSink& sink_;
  const ports::Clock& clock_;
  const std::function<std::uint32_t()>& random_u32_;
  const std::uint64_t sampled_below_;  // of 2^32
  std::atomic<std::size_t> known_count_{0};
  std::mutex mutex_;
  std::map<Key, Known> known_;
  std::deque<Key> order_;  // in which they came, those that were taken too
};

}  // namespace openrun::gateway
