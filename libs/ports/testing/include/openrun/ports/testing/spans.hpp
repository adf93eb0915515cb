// A receiver of spans that keeps them all. For tests alone. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <openrun/ports/spans.hpp>

namespace openrun::ports::testing {

// The attribute as it was told, or none.
[[nodiscard]] inline std::optional<SpanValue> attribute(const Span& span, std::string_view name) {
  const auto found =
      std::ranges::find_if(span.attributes, [&](const SpanAttribute& attribute) { return attribute.name == name; });
  return found == span.attributes.end() ? std::nullopt : std::optional(found->value);
}

class RecordingSpans final : public SpanSink {
 public:
  void add(Span span) override {
    const std::lock_guard lock(mutex_);
    spans_.push_back(std::move(span));
  }
  [[nodiscard]] std::int64_t epoch_ns(std::int64_t monotonic_us) const override { return monotonic_us * 1'000; }

  // In the order in which they were told.
  [[nodiscard]] std::vector<Span> all() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  [[nodiscard]] std::vector<Span> named(std::string_view name) const {
    std::vector<Span> some;
    const std::vector<Span> told = all();
    std::ranges::copy_if(told, std::back_inserter(some), [&](const Span& span) { return span.name == name; });
    return some;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Span> spans_;
};

}  // namespace openrun::ports::testing
