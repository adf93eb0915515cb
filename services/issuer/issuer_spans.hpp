// The spans that the issuer makes of the sampled requests of a batch that has committed: decision, commit, publication.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/ports/spans.hpp>

#include "issuer/actions.hpp"

namespace openrun::issuer {

class IssuerSpans {
 public:
  // Batches whose publication is under way; of more no publication is told.
  static constexpr std::size_t publications_max = 1'024;

  IssuerSpans(ports::SpanSink& sink, const ports::Clock& clock) : sink_(sink), clock_(clock) {}

  struct CommitTimes {
    std::int64_t begun_us = 0;
    std::int64_t ended_us = 0;
  };
  // Just after the commit. `facts` of a batch without sampled requests makes no span.
  void committed(Partition partition, const BatchFacts& facts, const CommitTimes& commit);
  // Before the batch is handed to the appender with this token.
  void publishing(Partition partition, std::uint64_t token, const BatchFacts& facts);
  // LogAppender::OnDeliveries; the partition's and the token's are those of publishing().
  void delivered(std::span<const ports::Delivery> deliveries);
  void not_published(Partition partition, std::uint64_t token) { end(partition, token, false); }

 private:
  struct Publication {
    std::vector<SampledDecision> decisions;
    std::int64_t begun_us = 0;
  };
  void end(Partition partition, std::uint64_t token, bool is_stored);
  void add(const SampledDecision& decision, Partition partition, std::string_view name, ports::SpanKind kind,
           const SpanId& parent, const CommitTimes& times, std::vector<ports::SpanAttribute> attributes,
           bool is_error = false);

  ports::SpanSink& sink_;
  const ports::Clock& clock_;
  std::mutex mutex_;
  std::map<std::pair<Partition, std::uint64_t>, Publication> publications_;
};

}  // namespace openrun::issuer
