#include "gateway/calls/tracing.hpp"

#include <span>
#include <vector>

#include <openrun/crypto/mac.hpp>

namespace openrun::gateway {
namespace {

namespace names = ports::span_names;
using ports::SpanKind;

constexpr std::uint8_t sampled_flag = 1;

template <class Id>
Id random_id() {
  Id id{};
  while (id == Id{}) crypto::random_bytes(id);
  return id;
}

std::vector<ports::SpanAttribute> place_attributes(const Tracing::Place& place) {
  return {{"openrun.campaign", std::int64_t{place.campaign.value}},
          {"openrun.partition", std::int64_t{place.partition.value}},
          {"openrun.offset", place.offset.value}};
}

}  // namespace

Tracing::Tracing(ports::SpanSink& sink, double sample_ratio, const ports::Clock& clock,
                 const std::function<std::uint32_t()>& random_u32)
    : sink_(sink),
      clock_(clock),
      random_u32_(random_u32),
      sampled_below_(static_cast<std::uint64_t>(sample_ratio * 4'294'967'296.0)) {}

std::optional<Tracing::Sampled> Tracing::sample(const std::optional<TraceContext>& caller) {
  if (caller ? !caller->is_sampled() : random_u32_() >= sampled_below_) return std::nullopt;
  Sampled sampled;
  if (caller) {
    sampled.record = *caller;
    sampled.caller = caller->parent_id;
  } else {
    sampled.record.trace_id = random_id<TraceId>();
    sampled.record.flags = sampled_flag;
  }
  sampled.call = random_id<SpanId>();
  sampled.record.parent_id = random_id<SpanId>();
  return sampled;
}

void Tracing::add(const TraceContext& record, const SpanId& id, const SpanId& parent, std::string_view name,
                  SpanKind kind, std::int64_t begun_us, std::vector<ports::SpanAttribute> attributes, bool is_error) {
  ports::Span span;
  span.trace_id = record.trace_id;
  span.id = id;
  span.parent_id = parent;
  span.name = name;
  span.kind = kind;
  span.begin_ns = sink_.epoch_ns(begun_us);
  span.end_ns = span.begin_ns + (clock_.monotonic_us() - begun_us) * 1'000;
  span.attributes = std::move(attributes);
  span.is_error = is_error;
  sink_.add(std::move(span));
}

void Tracing::appended(const TraceContext& record, const SpanId& call, std::int64_t begun_us, const Place& place,
                       bool is_stored) {
  std::vector<ports::SpanAttribute> attributes{{"messaging.system", std::string_view("kafka")}};
  if (is_stored) {
    for (ports::SpanAttribute& attribute : place_attributes(place)) attributes.push_back(attribute);
  }
  add(record, record.parent_id, call, names::append, SpanKind::producer, begun_us, std::move(attributes), !is_stored);
}

void Tracing::submitted(const Sampled& call, std::int64_t received_us, CampaignId campaign, std::string_view result,
                        issuance::Outcome outcome, bool is_error) {
  std::vector<ports::SpanAttribute> attributes{{"openrun.campaign", std::int64_t{campaign.value}},
                                               {"openrun.result", result}};
  if (outcome != issuance::Outcome::none) attributes.push_back({"openrun.outcome", to_string(outcome)});
  add(call.record, call.call, call.caller, names::submit, SpanKind::server, received_us, std::move(attributes),
      is_error);
}

void Tracing::learn(const wire::ResultBatch& batch) {
  for (const auto& [offset, trace] : batch.traces) {
    if (!trace.is_sampled() || issuance::is_command(batch.entry(offset).outcome)) continue;
    const Key key{batch.partition, offset};
    const std::lock_guard lock(mutex_);
    if (!known_.try_emplace(key, Known{trace, clock_.monotonic_us()}).second) continue;
    order_.push_back(key);
    if (order_.size() > outcomes_max) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    known_count_ = known_.size();
  }
}

std::optional<Tracing::Known> Tracing::take(Partition partition, Offset offset) {
  if (known_count_ == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = known_.find({partition, offset});
  if (found == known_.end()) return std::nullopt;
  const Known known = found->second;
  known_.erase(found);
  known_count_ = known_.size();
  return known;
}

void Tracing::add_outcome(const Known& known, std::string_view name, SpanKind kind, std::int64_t begun_us,
                          const Place& place, issuance::Outcome outcome) {
  std::vector<ports::SpanAttribute> attributes = place_attributes(place);
  attributes.push_back({"openrun.outcome", to_string(outcome)});
  add(known.record, random_id<SpanId>(), span_id_of(known.record, names::decide, place.partition, place.offset), name,
      kind, begun_us, std::move(attributes));
}

void Tracing::answered(const Known& known, const Place& place, issuance::Outcome outcome) {
  add_outcome(known, names::answer, SpanKind::internal, known.known_us, place, outcome);
}

void Tracing::polled(const Known& known, std::int64_t asked_us, const Place& place, issuance::Outcome outcome) {
  add_outcome(known, names::poll, SpanKind::server, asked_us, place, outcome);
}

}  // namespace openrun::gateway
