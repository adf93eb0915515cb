#include "issuer/issuer_spans.hpp"

#include <string_view>

namespace openrun::issuer {
namespace {

namespace names = ports::span_names;
using ports::SpanKind;

}  // namespace

void IssuerSpans::add(const SampledDecision& decision, Partition partition, std::string_view name, SpanKind kind,
                      const SpanId& parent, const CommitTimes& times, std::vector<ports::SpanAttribute> attributes,
                      bool is_error) {
  ports::Span span;
  span.trace_id = decision.trace.trace_id;
  span.id = span_id_of(decision.trace, name, partition, decision.offset);
  span.parent_id = parent;
  span.name = name;
  span.kind = kind;
  span.begin_ns = sink_.epoch_ns(times.begun_us);
  span.end_ns = span.begin_ns + (times.ended_us - times.begun_us) * 1'000;
  span.attributes = std::move(attributes);
  span.attributes.push_back({"openrun.partition", std::int64_t{partition.value}});
  span.attributes.push_back({"openrun.offset", decision.offset.value});
  span.is_error = is_error;
  sink_.add(std::move(span));
}

void IssuerSpans::committed(Partition partition, const BatchFacts& facts, const CommitTimes& commit) {
  const ports::SpanAttribute batch{"openrun.batch_size", static_cast<std::int64_t>(facts.records)};
  for (const SampledDecision& decision : facts.sampled) {
    add(decision, partition, names::decide, SpanKind::consumer, decision.trace.parent_id,
        {decision.decided_us, commit.ended_us},
        {{"openrun.campaign", std::int64_t{decision.campaign.value}},
         {"openrun.outcome", issuance::to_string(decision.outcome)},
         batch});
    add(decision, partition, names::commit, SpanKind::client,
        span_id_of(decision.trace, names::decide, partition, decision.offset), commit,
        {{"db.system.name", std::string_view("postgresql")}, batch});
  }
}

void IssuerSpans::publishing(Partition partition, std::uint64_t token, const BatchFacts& facts) {
  if (facts.sampled.empty()) return;
  const std::lock_guard lock(mutex_);
  if (publications_.size() >= publications_max) return;
  publications_[{partition, token}] = {facts.sampled, clock_.monotonic_us()};
}

void IssuerSpans::delivered(std::span<const ports::Delivery> deliveries) {
  for (const ports::Delivery& delivery : deliveries) {
    end(delivery.partition, delivery.token, delivery.fate == ports::Delivery::Fate::stored);
  }
}

void IssuerSpans::end(Partition partition, std::uint64_t token, bool is_stored) {
  Publication publication;
  {
    const std::lock_guard lock(mutex_);
    const auto found = publications_.find({partition, token});
    if (found == publications_.end()) return;
    publication = std::move(found->second);
    publications_.erase(found);
  }
  for (const SampledDecision& decision : publication.decisions) {
    add(decision, partition, names::publish, SpanKind::producer,
        span_id_of(decision.trace, names::decide, partition, decision.offset),
        {publication.begun_us, clock_.monotonic_us()}, {{"messaging.system", std::string_view("kafka")}}, !is_stored);
  }
}

}  // namespace openrun::issuer
