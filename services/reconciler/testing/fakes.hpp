// Stand-ins for the reconciler's tests: everything is set by the test, nothing waits.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

#include "reconciler/facts.hpp"

namespace openrun::reconciler::testing {

class FakeClock final : public ports::Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return Timestamp{1'700'000'000'000 + ms}; }
  [[nodiscard]] std::int64_t monotonic_us() const override { return ms * 1'000; }
  std::int64_t ms = 0;
};

class FakeLogger final : public ports::Logger {
 public:
  // "error an invariant is violated invariant=x campaign=7 detail=..."
  void log(ports::LogLevel level, std::string_view message, std::initializer_list<ports::LogField> fields) override {
    constexpr const char* names[] = {"debug", "info", "warning", "error", "critical"};
    std::string line = std::string(names[static_cast<std::size_t>(level)]) + " " + std::string(message);
    for (const auto& [name, value] : fields) {
      line.append(" ").append(name).append("=");
      if (const auto* text = std::get_if<std::string>(&value)) line.append(*text);
      if (const auto* number = std::get_if<std::int64_t>(&value)) line.append(std::to_string(*number));
    }
    lines.push_back(std::move(line));
  }
  std::vector<std::string> taken() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
};

class FakeMetrics final : public ports::Metrics {
 public:
  struct Value final : ports::Counter, ports::Gauge, ports::Histogram {
    void add(double n) override { value += n; }
    void set(double v) override { value = v; }
    void observe(double v) override { value += v; }
    double value = 0;
  };
  ports::Counter& counter(std::string_view name, std::string_view, const Labels& labels) override {
    return at(name, labels);
  }
  ports::Gauge& gauge(std::string_view name, std::string_view, const Labels& labels) override {
    return at(name, labels);
  }
  ports::Histogram& histogram(std::string_view name, std::string_view, const std::vector<double>&,
                              const Labels& labels) override {
    return at(name, labels);
  }
  [[nodiscard]] std::string text() const override { return {}; }
  // -1 where there is no such series.
  [[nodiscard]] double value(const std::string& name, const Labels& labels = {}) const {
    const auto found = values_.find({name, labels});
    return found == values_.end() ? -1 : found->second->value;
  }

 private:
  Value& at(std::string_view name, const Labels& labels) {
    auto& slot = values_[{std::string(name), labels}];
    if (!slot) slot = std::make_unique<Value>();
    return *slot;
  }
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Value>> values_;
};

class FakeFacts final : public Facts {
 public:
  struct Campaign {
    issuance::StoredCampaign stored;
    Timestamp changed_at;
  };
  struct Call {
    CampaignId after;
    std::size_t limit;
    Timestamp changed_since;
  };

  Result<std::vector<issuance::StoredCampaign>> stored_campaigns(CampaignId after, std::size_t limit,
                                                                 Timestamp changed_since) override {
    calls.push_back({after, limit, changed_since});
    clock.ms += call_takes_ms;
    if (is_down || limit > limit_that_times_out) return fail(Error::Kind::unavailable, "no answer in time");
    std::vector<issuance::StoredCampaign> page;
    for (const auto& [id, campaign] : campaigns) {
      if (id <= after || campaign.changed_at < changed_since || page.size() >= limit) continue;
      page.push_back(campaign.stored);
      if (changed_since != Timestamp{}) page.back().duplicate_claims = 0;
    }
    return page;
  }
  Result<std::vector<PartitionFacts>> partitions() override {
    if (is_down) return fail(Error::Kind::unavailable, "connection refused");
    return partition_facts;
  }

  explicit FakeFacts(FakeClock& the_clock) : clock(the_clock) {}
  // A sound campaign with as many coupons.
  issuance::StoredCampaign& add(std::uint32_t id, std::int64_t coupons) {
    issuance::StoredCampaign stored;
    stored.campaign = CampaignId{id};
    stored.stock = coupons + 10;
    stored.issued = stored.coupons = stored.sequence_max = coupons;
    stored.sequence_min = coupons > 0 ? 1 : 0;
    stored.offset_max = coupons - 1;
    stored.next_offset = coupons;
    campaigns[CampaignId{id}] = {stored, clock.now()};
    return campaigns[CampaignId{id}].stored;
  }

  FakeClock& clock;
  std::map<CampaignId, Campaign> campaigns;
  std::vector<PartitionFacts> partition_facts;
  std::vector<Call> calls;
  bool is_down = false;
  std::size_t limit_that_times_out = 1'000'000;
  std::int64_t call_takes_ms = 0;
};

}  // namespace openrun::reconciler::testing
