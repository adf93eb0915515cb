// GET /livez, /readyz, /metrics.
#pragma once

#include <functional>

#include <openrun/ports/metrics.hpp>

#include "gateway/readiness.hpp"
#include "gateway/rest/routes.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

class HealthHandler {
 public:
  // `observe` is called on an I/O thread at each probe and must not block; `before_metrics` brings gauges up to date.
  HealthHandler(const Settings& settings, const ports::Metrics& metrics, std::function<Observed()> observe,
                std::function<void()> before_metrics)
      : settings_(settings),
        metrics_(metrics),
        observe_(std::move(observe)),
        before_metrics_(std::move(before_metrics)) {}

  void live(Call& call);
  void ready(Call& call);
  void metrics(Call& call);

 private:
  const Settings& settings_;
  const ports::Metrics& metrics_;
  std::function<Observed()> observe_;
  std::function<void()> before_metrics_;
};

}  // namespace openrun::gateway
