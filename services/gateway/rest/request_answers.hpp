// The answers about one request: what POST and GET say while it waits and once it is decided.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/crypto/receipt.hpp>
#include <openrun/ports/http.hpp>

#include "gateway/parts.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {

struct NamedReceipt {
  crypto::Receipt place;
  std::string text;
};

// `wait_s` is the preference that was honoured.
class RequestAnswers {
 public:
  explicit RequestAnswers(Parts& parts) : parts_(parts) {}

  // 202 (POST) or 200 (GET), with position, eta and advice.
  [[nodiscard]] ports::HttpResponse waiting(unsigned status, const NamedReceipt& receipt, std::int64_t position,
                                            std::optional<std::int64_t> wait_s) const;
  // As far as the window knows now.
  [[nodiscard]] ports::HttpResponse still_waiting(unsigned status, const NamedReceipt& receipt,
                                                  std::optional<std::int64_t> wait_s) const;

  using Send = std::function<void(ports::HttpResponse)>;
  // 200 whatever the outcome is. Sends at once where the campaign's details are known, else after a look in the store.
  void polled(ports::IoThread& io, const NamedReceipt& receipt, const Found& found, std::optional<std::int64_t> wait_s,
              Send send) const;
  // 201 when issued, 409 or 404 with the reason when rejected, 202 where it became a dead letter.
  void posted(ports::IoThread& io, const NamedReceipt& receipt, const Found& found, std::optional<std::int64_t> wait_s,
              Send send) const;

 private:
  using WithCoupon = std::function<ports::HttpResponse(const std::optional<IssuedCoupon>&)>;
  void with_coupon(ports::IoThread& io, const crypto::Receipt& place, const Found& found, Send send,
                   WithCoupon make) const;

  Parts& parts_;
};

}  // namespace openrun::gateway
