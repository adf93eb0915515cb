#include "gateway/testing/harness.hpp"

#include <algorithm>
#include <array>

#include <openrun/base/assert.hpp>
#include <openrun/wire/log_record.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::gateway::testing {

const crypto::ReceiptSigner& test_signer() {
  static const crypto::ReceiptSigner signer({{1, std::vector<std::uint8_t>(32, 7)}});
  return signer;
}
const crypto::CouponCodes& test_codes() {
  static const crypto::CouponCodes codes(std::vector<std::uint8_t>(32, 9));
  return codes;
}
const crypto::UserHash& test_user_hash() {
  static const crypto::UserHash hash(std::vector<std::uint8_t>(16, 5));
  return hash;
}

// ---- issuer ----

std::string SmallIssuer::decide(const std::vector<FakeAppender::Appended>& records) {
  std::vector<issuance::Input> inputs;
  std::vector<std::uint32_t> nonces;
  for (const FakeAppender::Appended& record : records) {
    auto decoded = wire::decode(record.value);
    OPENRUN_ASSERT(decoded.has_value(), "the gateway appends only what can be decoded");
    nonces.push_back(decoded->nonce);
    if (const auto trace = parse_traceparent(ports::header(record.headers, traceparent_name)))
      traces_[{record.partition, record.offset}] = *trace;
    issuance::Event event = std::move(decoded->event);
    const auto* request = std::get_if<issuance::IssueRequested>(&event);
    if (request != nullptr && poisoned_.contains(std::string(request->user))) event = issuance::Undecidable{"REFUSED"};
    inputs.push_back({record.offset, record.time, std::move(event)});
  }
  std::string payload;
  commit(records.front().partition, inputs, nonces, payload);
  return payload;
}

std::string SmallIssuer::replay(const FakeAppender::Appended& origin, Offset at, Timestamp time) {
  const std::string value = wire::encode_replay(77, origin.offset, origin.time, origin.value, 1);
  auto decoded = wire::decode(value);
  OPENRUN_ASSERT(decoded.has_value(), "a replay can be decoded");
  std::string payload;
  commit(origin.partition, {{at, time, std::move(decoded->event)}}, {decoded->nonce}, payload);
  return payload;
}

void SmallIssuer::store_coupon(const issuance::Input& input, const issuance::Decision& decision,
                               const issuance::Campaign& campaign) {
  const auto* request = std::get_if<issuance::IssueRequested>(&input.event);
  if (const auto* replay = std::get_if<issuance::Replay>(&input.event)) {
    request = std::get_if<issuance::IssueRequested>(&replay->original);
  }
  ports::Coupon coupon;
  coupon.campaign = decision.campaign;
  coupon.sequence = decision.sequence;
  coupon.user = request->user;
  if (campaign.terms.policy.max_per_user > 1) coupon.idempotency_key = request->idempotency_key;
  const auto alphabet = campaign.terms.policy.code_format == issuance::CodeFormat::latin ? crypto::CodeAlphabet::latin
                                                                                         : crypto::CodeAlphabet::hangul;
  coupon.code = test_codes().encode({decision.campaign, decision.sequence}, alphabet);
  coupon.issued_at = decision.time;
  coupon.valid_until = issuance::valid_until(campaign.terms.policy, decision.time);
  database_.coupons[{coupon.campaign, coupon.sequence}] = coupon;
}

void SmallIssuer::commit(Partition partition, const std::vector<issuance::Input>& inputs,
                         const std::vector<std::uint32_t>& nonces, std::string& payload) {
  issuance::PartitionSnapshot empty;
  empty.partition = partition;
  issuance::Machine& machine = machines_.try_emplace(partition, std::move(empty), 1).first->second;
  std::lock_guard lock(database_.mutex);
  wire::ResultBatchBuilder builder(partition, Epoch{1}, inputs.front().offset);
  std::map<CampaignId, issuance::Campaign> touched;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const issuance::Decision decision = machine.apply(inputs[i]);
    const issuance::Campaign* campaign = machine.find(decision.campaign);
    std::uint64_t winner = 0;
    if (decision.outcome == issuance::Outcome::issued) {
      store_coupon(inputs[i], decision, *campaign);
      winner =
          test_user_hash()(decision.campaign.value, database_.coupons[{decision.campaign, decision.sequence}].user);
    }
    const bool applied = decision.outcome == issuance::Outcome::command_applied;
    const auto* command = std::get_if<issuance::CampaignCommand>(&inputs[i].event);
    if (applied && std::holds_alternative<issuance::CreateCampaign>(command->action)) {
      database_.creators[command->campaign] = command->idempotency_key;
    }
    builder.add(decision, nonces[i], winner, applied ? campaign : nullptr);
    const auto trace = traces_.find({partition, decision.offset});
    if (trace != traces_.end()) builder.trace(trace->second);
    if (decision.origin) database_.replays[{partition, *decision.origin}] = decision.offset;
    if (campaign != nullptr && (applied || decision.outcome == issuance::Outcome::issued)) {
      touched[decision.campaign] = *campaign;
    }
  }
  std::vector<issuance::Campaign> campaigns;
  for (const auto& [id, campaign] : touched) {
    campaigns.push_back(campaign);
    database_.campaigns[id] = {campaign, partition, inputs.back().offset};
  }
  payload = builder.finish(campaigns, machine.log_time());
  database_.outbox[{partition, inputs.front().offset}] = {inputs.back().offset, payload};
  database_.progress[partition].next_offset = inputs.back().offset + 1;
}

// ---- answers ----

std::string Answer::header(std::string_view name) const {
  if (!arrived()) return {};
  for (const auto& [key, value] : reply->response->headers) {
    if (key == name) return value;
  }
  return {};
}

namespace {

std::string text_of(const wire::JsonValue& value) {
  if (value.is_null()) return "null";
  if (const auto* text = value.get<std::string>()) return *text;
  if (const auto* flag = value.get<bool>()) return *flag ? "true" : "false";
  if (const auto* number = value.get<std::int64_t>()) return std::to_string(*number);
  if (const auto* number = value.get<std::uint64_t>()) return std::to_string(*number);
  if (const auto* array = value.get<wire::JsonArray>()) return "array of " + std::to_string(array->size());
  return "object";
}

}  // namespace

std::string Answer::field(std::string_view path) const {
  const auto parsed = wire::parse_json(body());
  if (!parsed) return {};
  const wire::JsonValue* value = &*parsed;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    const wire::JsonValue* next = nullptr;
    if (const auto* object = value->get<wire::JsonObject>()) {
      for (const auto& [key, member] : *object) {
        if (key == name) next = &member;
      }
    } else if (const auto* array = value->get<wire::JsonArray>()) {
      const std::size_t index = std::stoul(std::string(name));
      if (index < array->size()) next = &(*array)[index];
    }
    if (next == nullptr) return {};
    value = next;
  }
  return text_of(*value);
}

HeaderList with(HeaderList headers, std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
  return headers;
}

namespace {

class FakeOperationsStore final : public ports::OperationsStore {
 public:
  FakeOperationsStore(FakeDatabase& database, const ports::WatchedStore& watched)
      : database_(database), watched_(watched) {}
  Result<ports::WatchedStore> watch() override {
    const std::lock_guard lock(database_.mutex);
    if (database_.down) return fail(Error::Kind::unavailable, "the store is down");
    return watched_;
  }

 private:
  FakeDatabase& database_;
  const ports::WatchedStore& watched_;
};

// The test's rows for the time of one call.
class LentDeadLetters final : public openrun::testing::FakeDeadLetterStore {
 public:
  explicit LentDeadLetters(FakeDeadLetterStore& lender) : FakeDeadLetterStore(lender), lender_(lender) {}
  ~LentDeadLetters() override { lender_ = *this; }
  LentDeadLetters(const LentDeadLetters&) = delete;
  LentDeadLetters& operator=(const LentDeadLetters&) = delete;

 private:
  FakeDeadLetterStore& lender_;
};

// Acknowledges at once.
class FakeReplayAppender final : public ports::LogAppender {
 public:
  FakeReplayAppender(std::vector<std::string>& replayed, OnDeliveries told)
      : replayed_(replayed), told_(std::move(told)) {}
  Result<void> append(Partition partition, std::string_view, std::string_view value, const ports::Headers&,
                      std::uint64_t token) override {
    replayed_.emplace_back(value);
    const ports::Delivery delivery{token, ports::Delivery::Fate::stored, partition,
                                   Offset{10'000 + static_cast<std::int64_t>(replayed_.size())}};
    told_({&delivery, 1});
    return {};
  }
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override { return {}; }
  bool flush(std::chrono::milliseconds) override { return true; }

 private:
  std::vector<std::string>& replayed_;
  OnDeliveries told_;
};

}  // namespace

// ---- harness ----

Settings Harness::test_settings() {
  Settings settings;
  settings.admin_tokens = {{"ci", "other-token"}, {"ops", "secret-token"}};
  settings.window_records = 1'024;
  settings.store_threads = 2;
  return settings;
}

Harness::Harness(Settings settings, std::size_t io_threads, std::int32_t partitions)
    : log(partitions), settings_(std::move(settings)), partitions_(partitions) {
  for (std::size_t i = 0; i < io_threads; ++i) io.push_back(std::make_unique<FakeIoThread>(i, clock));
  restart();
}

void Harness::restart() {
  begin_again();
  until([this] { return gateway->observe().results_ready && gateway->observe().store_behind.empty(); });
}

void Harness::begin_again() {
  if (gateway) {
    gateway->stop();
    for (auto& thread : io) thread->run();
  }
  std::vector<ports::IoThread*> threads;
  threads.reserve(io.size());
  for (auto& thread : io) threads.push_back(thread.get());
  using std::chrono::milliseconds;
  const ResultsFeed::Timing timing{.poll = milliseconds(2),
                                   .sample = milliseconds(1'000),
                                   .broker = milliseconds(100),
                                   .retry = milliseconds(2),
                                   .partitions = milliseconds(5)};
  gateway =
      std::make_unique<Gateway>(Environment{clock,
                                            logger,
                                            metrics,
                                            log,
                                            [this] { return std::make_unique<FakeGatewayStore>(database); },
                                            test_signer(),
                                            test_codes(),
                                            test_user_hash(),
                                            threads,
                                            timing,
                                            crypto::random_u32,
                                            [this] { return store_trouble; },
                                            [this] { return log_trouble; },
                                            [this]() -> Result<std::string> {
                                              if (token_keys.empty())
                                                return fail(Error::Kind::not_found, "cannot read keys.json");
                                              return token_keys;
                                            },
                                            [] { return std::size_t{3}; },
                                            [this] { return std::make_unique<FakeOperationsStore>(database, watched); },
                                            {[this] { return std::make_unique<LentDeadLetters>(dead_letters); },
                                             [this](auto told) -> Result<std::unique_ptr<ports::LogAppender>> {
                                               return std::make_unique<FakeReplayAppender>(replayed, std::move(told));
                                             }},
                                            span_sink},
                                settings_);
  appender = std::make_unique<FakeAppender>(gateway->on_deliveries(), clock);
  gateway->start(*appender, partitions_);
  handler_ = gateway->handler();
}

Harness::~Harness() {
  gateway->stop();
  for (auto& thread : io) thread->run();
}

Answer Harness::send(ports::HttpMethod method, const std::string& target, const std::string& body,
                     const HeaderList& headers, std::size_t thread) {
  ports::HttpRequest request;
  request.method = method;
  request.target = target;
  const std::size_t mark = target.find('?');
  request.path = std::string_view(target).substr(0, mark);
  request.query = mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
  request.body = body;
  request.remote_address = remote_address;
  request.is_overdue = is_overdue;
  for (const auto& [name, value] : headers) request.headers.emplace_back(name, value);
  Answer answer{std::make_shared<FakeReply>()};
  answer.reply->unsent_at_begin = unsent_of_streams;
  handler_(*io[thread], request, answer.reply);
  return answer;
}

Answer Harness::ask(ports::HttpMethod method, const std::string& target, const std::string& body,
                    const HeaderList& headers, std::size_t thread) {
  Answer answer = send(method, target, body, headers, thread);
  until([&] { return answer.arrived(); });
  return answer;
}

Answer Harness::serve(ports::HttpMethod method, const std::string& target, const std::string& body,
                      const HeaderList& headers) {
  Answer answer = send(method, target, body, headers);
  until([&] {
    if (appender->open() > 0) {
      acknowledge();
      decide();
    }
    return answer.arrived();
  });
  return answer;
}

void Harness::acknowledge() {
  for (FakeAppender::Appended& record : appender->acknowledge()) undecided[record.partition].push_back(record);
  for (auto& thread : io) thread->run();
}

void Harness::publish(Partition partition, const std::string& payload) {
  log.append(ports::Topic::results, partition, clock.now(), payload);
}

void Harness::decide(bool published) {
  for (auto& [partition, records] : undecided) {
    if (records.empty()) continue;
    const std::string payload = issuer.decide(records);
    records.clear();
    if (published) publish(partition, payload);
  }
}

bool Harness::until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    for (auto& thread : io) thread->run();
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

void Harness::advance_ms(std::int64_t ms) {
  clock.advance_ms(ms);
  for (auto& thread : io) thread->run();
}

bool Harness::settled() {
  // A look at the end is due every second of the gateway's clock.
  clock.advance_ms(1'001);
  const bool read = until([this] { return gateway->observe().results_behind_ms == 0; });
  return read;
}

std::uint32_t Harness::create_campaign(std::int64_t stock, const std::string& policy, std::int64_t starts_in_ms) {
  const std::string starts_at = wire::format_time(clock.now().value + starts_in_ms);
  const Answer created = serve(ports::HttpMethod::post, "/v1/campaigns",
                               R"({"name":"Opening","stock":)" + std::to_string(stock) + R"(,"starts_at":")" +
                                   starts_at + R"(","policy":)" + policy + "}",
                               admin);
  OPENRUN_ASSERT(created.status() == 201, "a campaign can be created");
  return static_cast<std::uint32_t>(std::stoul(created.field("id")));
}

Answer Harness::request(std::uint32_t campaign, const std::string& user, const HeaderList& headers,
                        std::size_t thread) {
  return send(ports::HttpMethod::post, "/v1/campaigns/" + std::to_string(campaign) + "/requests",
              R"({"user_id":")" + user + R"("})", headers, thread);
}

Answer Harness::serve_request(std::uint32_t campaign, const std::string& user, const HeaderList& headers) {
  return serve(ports::HttpMethod::post, "/v1/campaigns/" + std::to_string(campaign) + "/requests",
               R"({"user_id":")" + user + R"("})", with(headers, "Prefer", "wait=10"));
}

}  // namespace openrun::gateway::testing
