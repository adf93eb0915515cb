#include "gateway/rest/dispatch_handler.hpp"

#include <limits>
#include <utility>

#include "gateway/rest/body.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

// {per_second, partitions: [{partition, per_second}]}: the default, and the partitions that have a rate of their own.
ports::HttpResponse render(const Result<std::vector<ports::DispatchRate>>& rates) {
  if (!rates) return unavailable(rates.error().kind);
  std::int64_t all = 0;
  for (const ports::DispatchRate& rate : *rates) {
    if (!rate.partition) all = rate.per_second;
  }
  ports::HttpResponse response = json_response(200, {});
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("per_second").number(all);
  json.key("partitions").begin_array();
  for (const ports::DispatchRate& rate : *rates) {
    if (!rate.partition) continue;
    json.begin_object();
    json.key("partition").number(static_cast<std::int64_t>(rate.partition->value));
    json.key("per_second").number(static_cast<std::int64_t>(rate.per_second));
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return response;
}

}  // namespace

void DispatchHandler::get(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  const auto reply = call.reply;
  const bool accepted = parts_.pool.submit([&io = call.io, reply](ports::GatewayStore& store) {
    io.post([reply, response = render(store.dispatch())]() mutable { reply->send(std::move(response)); });
  });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

void DispatchHandler::put(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  const auto object = read_object(call.request, false);
  if (!object) return call.reply->send(object.error());
  std::vector<FieldError> errors;
  FieldReader fields(*object, "", errors);
  if (fields.find("per_second") == nullptr) fields.error("per_second", "is missing");
  const auto per_second = fields.integer("per_second", 0, std::numeric_limits<std::int32_t>::max());
  const auto partition = fields.integer("partition", 0, parts_.partitions - 1);
  fields.finish();
  if (!errors.empty()) return call.reply->send(invalid_request("The body has faults.", errors));

  ports::DispatchRate rate;
  rate.per_second = static_cast<std::uint32_t>(*per_second);
  if (partition) rate.partition = Partition{static_cast<std::int32_t>(*partition)};
  const auto reply = call.reply;
  const bool accepted = parts_.pool.submit([&io = call.io, rate, reply](ports::GatewayStore& store) {
    const Result<void> kept = store.set_dispatch(rate);
    auto response = kept ? render(store.dispatch()) : unavailable(kept.error().kind);
    io.post([reply, response = std::move(response)]() mutable { reply->send(std::move(response)); });
  });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

}  // namespace openrun::gateway
