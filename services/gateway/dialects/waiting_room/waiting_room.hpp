// The calls of a waiting room: enqueue, rank, complete. A place in the queue is a request in the log; whoever polls by
// its name alone is found among those whom this gateway enqueued itself, else among those who hold a coupon.
#pragma once

#include <optional>
#include <vector>

#include "gateway/calls/issuing.hpp"
#include "gateway/calls/polling.hpp"
#include "gateway/dialects/waiting_room/enqueued_users.hpp"
#include "gateway/dialects/waiting_room/visit.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway::dialects {

// On I/O threads.
class WaitingRoom {
 public:
  explicit WaitingRoom(Parts& parts);
  // Must not outlive this object.
  [[nodiscard]] std::vector<Route> routes();

  // Never refused early: whatever is known of the campaign, the log decides.
  void enqueue(Call& call);
  void rank(Call& call);
  void complete(Call& call);

 private:
  // What is known of the one who calls.
  struct Known {
    NamedReceipt receipt;
    bool is_holder = false;  // has shown the receipt, and may see it again
  };
  // Somebody who enqueues, until the answer.
  struct Entering {
    ports::IoThread* io = nullptr;
    Visit visit;
    std::uint64_t user_hash = 0;
    std::string key;
    std::optional<TraceContext> trace;
    std::int64_t received_us = 0;
    bool is_long_form = false;
    bool is_secure = false;
    std::shared_ptr<ports::HttpReply> reply;
  };

  [[nodiscard]] std::optional<Known> by_cookie(const ports::HttpRequest& request, const Visit& visit) const;
  // `visit.user` is who calls: authenticated, or named where names are trusted.
  [[nodiscard]] std::optional<Known> by_name(const Visit& visit);
  // Where names are trusted, and there is none.
  [[nodiscard]] bool is_unnamed(const ports::HttpRequest& request, const Visit& visit) const;
  // Who calls, put into the visit; else the answer to send.
  [[nodiscard]] std::optional<ports::HttpResponse> authenticate(const Call& call, Visit& visit) const;
  // By the cookie or by the receipt in the query; a receipt that is not good is an error.
  [[nodiscard]] std::expected<std::optional<Known>, ports::HttpResponse> by_receipt(const Call& call,
                                                                                    const Visit& visit) const;
  void tell_rank(ports::IoThread& io, const NamedReceipt& receipt, const std::shared_ptr<ports::HttpReply>& reply);
  void append(const Entering& entering);
  void tell_entered(const Entering& entering, const RequestAnswer& answer);
  void find_coupon(ports::IoThread& io, const Visit& visit, std::shared_ptr<ports::HttpReply> reply);

  Parts& parts_;
  Issuing issuing_;
  Polling polling_;
  EnqueuedUsers enqueued_;
};

}  // namespace openrun::gateway::dialects
