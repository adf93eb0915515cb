#include "gateway/rest/campaigns_handler.hpp"

#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/wire/terms.hpp>

#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {
namespace {

constexpr std::string_view faulty = "The body has faults.";
constexpr const char* end_rule = "must be after starts_at";

template <class T>
void add_rule_faults(const T& checked, std::vector<FieldError>& errors) {
  // Rules between fields make sense only where the fields themselves could be read.
  if (!errors.empty()) return;
  if (const auto fault = wire::check(checked)) errors.push_back({fault->field, fault->message});
}

// The log takes a campaign without a name (dialects have such); who types one into a form has forgotten it.
std::optional<std::string> read_name(FieldReader& fields) {
  auto name = fields.text("name");
  if (name && name->empty()) fields.error("name", "must not be empty");
  return name;
}

issuance::CampaignTerms read_terms(const wire::JsonObject& object, std::vector<FieldError>& errors) {
  issuance::CampaignTerms terms;
  FieldReader fields(object, "", errors);
  for (const std::string_view needed : {"name", "stock", "starts_at"}) {
    if (fields.find(needed) == nullptr) fields.error(needed, "is missing");
  }
  terms.name = read_name(fields).value_or("");
  terms.description = fields.text("description").value_or("");
  terms.stock = static_cast<std::uint32_t>(fields.integer("stock", 0, limits::stock_max).value_or(0));
  terms.starts_at = fields.time("starts_at").value_or(Timestamp{});
  if (const auto* ends_at = fields.find("ends_at"); ends_at != nullptr && !ends_at->is_null()) {
    terms.ends_at = fields.time("ends_at");
  }
  if (errors.empty() && terms.ends_at && *terms.ends_at <= terms.starts_at) fields.error("ends_at", end_rule);
  if (const auto* policy = fields.find("policy"))
    terms.policy = read_policy(*policy, errors).value_or(issuance::Policy{});
  fields.finish();
  return terms;
}

issuance::ChangeCampaign read_change(const wire::JsonObject& object, std::vector<FieldError>& errors) {
  issuance::ChangeCampaign change;
  FieldReader fields(object, "", errors);
  change.name = read_name(fields);
  change.description = fields.text("description");
  change.starts_at = fields.time("starts_at");
  if (const auto* ends_at = fields.find("ends_at")) {
    // null takes the end away.
    change.ends_at = ends_at->is_null() ? std::optional<Timestamp>{} : fields.time("ends_at");
  }
  const bool has_both = change.starts_at && change.ends_at && *change.ends_at;
  if (has_both && **change.ends_at <= *change.starts_at) fields.error("ends_at", end_rule);
  if (const auto* policy = fields.find("policy")) change.policy = read_policy(*policy, errors);
  fields.finish();
  return change;
}

ports::HttpResponse campaign_response(unsigned status, const issuance::Campaign& campaign, Timestamp now) {
  ports::HttpResponse response = json_response(status, {});
  wire::JsonWriter json(response.body);
  write_campaign(json, campaign, now);
  if (status == 201) response.headers.emplace_back("Location", "/v1/campaigns/" + std::to_string(campaign.id.value));
  return response;
}

}  // namespace

std::optional<CommandCall> CampaignsHandler::admit(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) {
    call.reply->send(std::move(admin.error()));
    return std::nullopt;
  }
  const auto key = idempotency_key(call.request);
  if (!key) {
    call.reply->send(invalid_idempotency_key());
    return std::nullopt;
  }
  return CommandCall{key->empty() ? Commands::generated_key() : std::string(*key),
                     parse_traceparent(call.request.header(traceparent_name))};
}

void CampaignsHandler::create(Call& call) {
  auto command = admit(call);
  if (!command) return;
  const auto object = read_object(call.request, false);
  if (!object) return call.reply->send(object.error());
  std::vector<FieldError> errors;
  issuance::CampaignTerms terms = read_terms(*object, errors);
  add_rule_faults(terms, errors);
  if (!errors.empty()) return call.reply->send(invalid_request(faulty, errors));

  commands_.create(call.io, std::move(*command), std::move(terms), answer(call, 201));
}

OnCommandAnswer CampaignsHandler::answer(const Call& call, unsigned applied_status) const {
  return [this, applied_status, reply = call.reply](const CommandAnswer& answer) {
    switch (answer.kind) {
      case CommandAnswer::Kind::applied:
        return reply->send(campaign_response(applied_status, *answer.campaign, parts_.clock.now()));
      case CommandAnswer::Kind::undecided:
        return reply->send(answers_.waiting(202, answer.receipt, answer.position, std::nullopt));
      case CommandAnswer::Kind::refused:
        return reply->send(refusal(answer.outcome));
      case CommandAnswer::Kind::too_large:
        return reply->send(problem(413, "TOO_LARGE", "The command does not fit into one record of the log."));
      case CommandAnswer::Kind::unavailable:
        return reply->send(answer.detail.empty() ? unavailable(answer.error) : overloaded(answer.detail));
    }
  };
}

void CampaignsHandler::run_on_known(Call& call, CommandCall command, Commands::Action action) {
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) return call.reply->send(campaign_not_found());
  commands_.change(call.io, *campaign, std::move(command), std::move(action), answer(call, 200));
}

void CampaignsHandler::change(Call& call) {
  auto command = admit(call);
  if (!command) return;
  const auto object = read_object(call.request, false);
  if (!object) return call.reply->send(object.error());
  std::vector<FieldError> errors;
  issuance::ChangeCampaign change = read_change(*object, errors);
  add_rule_faults(change, errors);
  if (!errors.empty()) return call.reply->send(invalid_request(faulty, errors));
  run_on_known(call, std::move(*command), std::move(change));
}

void CampaignsHandler::add_stock(Call& call) {
  auto command = admit(call);
  if (!command) return;
  const auto object = read_object(call.request, false);
  if (!object) return call.reply->send(object.error());
  std::vector<FieldError> errors;
  FieldReader fields(*object, "", errors);
  if (fields.find("add") == nullptr) fields.error("add", "is missing");
  const issuance::AddStock action{fields.integer("add", -limits::stock_max, limits::stock_max).value_or(0)};
  fields.finish();
  add_rule_faults(action, errors);
  if (!errors.empty()) return call.reply->send(invalid_request(faulty, errors));
  run_on_known(call, std::move(*command), action);
}

void CampaignsHandler::without_body(Call& call, Commands::Action action) {
  auto command = admit(call);
  if (!command) return;
  const auto object = read_object(call.request, true);
  if (!object) return call.reply->send(object.error());
  std::vector<FieldError> errors;
  FieldReader(*object, "", errors).finish();
  if (!errors.empty()) return call.reply->send(invalid_request(faulty, errors));
  run_on_known(call, std::move(*command), std::move(action));
}

void CampaignsHandler::pause(Call& call) {
  without_body(call, issuance::PauseCampaign{});
}
void CampaignsHandler::resume(Call& call) {
  without_body(call, issuance::ResumeCampaign{});
}
void CampaignsHandler::close(Call& call) {
  without_body(call, issuance::CloseCampaign{});
}

void CampaignsHandler::get(Call& call) {
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) return call.reply->send(campaign_not_found());
  parts_.directory.find(call.io, *campaign, [this, reply = call.reply](const Result<CampaignView>& view) {
    if (view) return reply->send(campaign_response(200, to_campaign(*view), parts_.clock.now()));
    const bool absent = view.error().kind == Error::Kind::not_found;
    reply->send(absent ? campaign_not_found() : unavailable(view.error().kind));
  });
}

}  // namespace openrun::gateway
