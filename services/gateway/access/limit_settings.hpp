// What an operator may tune of the limits (configuration section gateway.limits).
#pragma once

#include <cstddef>

#include "gateway/access/admission.hpp"
#include "gateway/access/client_address.hpp"
#include "gateway/access/limiter.hpp"

namespace openrun::gateway {

struct LimitSettings {
  Rate user;
  Rate address;
  Rate campaign;
  std::size_t slots = 1'024;  // buckets that can be told apart at one time, 16 bytes each
  Proxies proxies;
  AdmissionSettings admission;

  [[nodiscard]] bool any_rate() const { return user.is_on() || address.is_on() || campaign.is_on(); }
};

}  // namespace openrun::gateway
