// Requests as REST shows them: what POST and GET answer while a request waits and once it is decided.
#pragma once

#include <cstdint>
#include <optional>

#include <openrun/ports/http.hpp>

#include "gateway/calls/request_answer.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/render.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

// `wait_s` is the preference that was honoured.
class RequestAnswers {
 public:
  explicit RequestAnswers(Parts& parts) : parts_(parts) {}

  // The receipt that a poll names in its path, where the limits let the poll in; else sends 404 or 429 and returns
  // nothing.
  [[nodiscard]] std::optional<NamedReceipt> admit(Call& call) const;

  // 201 when issued, 409 or 404 with the reason when rejected, 202 while it waits and where it became a dead letter.
  [[nodiscard]] ports::HttpResponse posted(const RequestAnswer& answer, std::optional<std::int64_t> wait_s) const;
  // 200 whatever the outcome is.
  [[nodiscard]] ports::HttpResponse polled(const RequestAnswer& answer, std::optional<std::int64_t> wait_s) const;
  [[nodiscard]] Progress progress(const NamedReceipt& receipt, std::int64_t position) const;
  // `status` with position, eta and advice.
  [[nodiscard]] ports::HttpResponse waiting(unsigned status, const NamedReceipt& receipt, std::int64_t position,
                                            std::optional<std::int64_t> wait_s) const;

 private:
  Parts& parts_;
};

}  // namespace openrun::gateway
