// What the limits say of one call, told with its answer as draft-ietf-httpapi-ratelimit-headers names it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

namespace openrun::gateway {

// One thread at a time. The views are the limits' own.
struct Quota {
  std::string_view policies;  // of all limits that count for this kind of call; empty: none
  std::string_view name;      // of the tightest of them; empty: none was asked yet
  std::int64_t remaining = 0;
  std::int64_t full_after_s = 0;

  void note(std::string_view limit, std::int64_t calls_remaining, std::int64_t full_after_us) {
    if (!name.empty() && calls_remaining >= remaining) return;
    name = limit;
    remaining = calls_remaining;
    full_after_s = (full_after_us + 999'999) / 1'000'000;
  }

  // RateLimit-Policy and RateLimit.
  void tell(ports::HttpResponse& response) const {
    if (name.empty()) return;
    response.headers.emplace_back("RateLimit-Policy", policies);
    std::string state;
    state.reserve(48);
    state.append("\"").append(name).append("\";r=").append(std::to_string(remaining));
    state.append(";t=").append(std::to_string(full_after_s));
    response.headers.emplace_back("RateLimit", std::move(state));
  }
};

}  // namespace openrun::gateway
