#include "gateway_node.hpp"

#include <openrun/ports/testing/quiet.hpp>

namespace openrun::simulation {
namespace {

ports::testing::QuietLogger& quiet_logger() {
  static ports::testing::QuietLogger logger;
  return logger;
}
ports::testing::QuietMetrics& quiet_metrics() {
  static ports::testing::QuietMetrics metrics;
  return metrics;
}

}  // namespace

class GatewayNode::IoThread final : public ports::IoThread {
 public:
  explicit IoThread(GatewayNode& node) : node_(node) {}
  [[nodiscard]] std::size_t index() const override { return 0; }
  [[nodiscard]] std::size_t awake_connections() const override { return 0; }
  void post(std::function<void()> work) override { run_after(node_.context_.random.between(1, 100), std::move(work)); }
  void after(std::int64_t delay_ms, std::function<void()> work) override {
    run_after(delay_ms * 1'000, std::move(work));
  }

 private:
  void run_after(std::int64_t delay_us, std::function<void()> work) {
    node_.after(delay_us, [&node = node_, work = std::move(work)] {
      work();
      node.take_jobs();
    });
  }
  GatewayNode& node_;
};

class GatewayNode::Reply final : public ports::HttpReply {
 public:
  Reply(GatewayNode& node, Asked asked, Answered answered)
      : node_(node), life_(node.life_), asked_(std::move(asked)), answered_(std::move(answered)) {
    ++life_->waiting_clients;
  }
  ~Reply() override {
    --life_->waiting_clients;
    if (!sent_ && !life_->ended) node_.context_.violate(node_.name() + " dropped a reply");
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  void send(ports::HttpResponse response) override {
    if (std::exchange(sent_, true)) return node_.context_.violate(node_.name() + " answered twice");
    const Told told = read_answer(response);
    Context& context = node_.context_;
    context.trace(node_.name().c_str(), [&] {
      return "tells " + asked_.user + asked_.receipt + asked_.key + ": " + std::to_string(told.status) + " " +
             told.state + " " + told.reason;
    });
    node_.checker_.told(node_.name(), node_.clock_.now(), asked_, told);
    node_.check_held(asked_, told);
    if (context.strikes(Fault::http_lost)) return;
    context.scheduler.after(context.network_us(), [answered = answered_, told] { answered(told); });
  }
  [[nodiscard]] std::shared_ptr<ports::HttpStream> stream(ports::HttpResponse) override {
    sent_ = true;
    node_.context_.violate(node_.name() + " streams, and no simulated client asks for that");
    return nullptr;
  }
  [[nodiscard]] bool abandoned() const override { return false; }

 private:
  GatewayNode& node_;
  const std::shared_ptr<Life> life_;
  const Asked asked_;
  const Answered answered_;
  bool sent_ = false;
};

GatewayNode::GatewayNode(Context& context, Checker& checker, std::string name)
    : Node(context, std::move(name)), checker_(checker) {}

GatewayNode::~GatewayNode() {
  if (life_) life_->ended = true;
}

gateway::Settings GatewayNode::settings() const {
  gateway::Settings settings;
  settings.admin_tokens = {{"simulation", "admin"}};
  settings.store_threads = 0;
  settings.window_records = context_.plan.window_records;
  settings.winners_kept_max = context_.plan.winners_max;
  return settings;
}

void GatewayNode::started() {
  life_ = std::make_shared<Life>();
  io_ = std::make_unique<IoThread>(*this);
  store_ = std::make_unique<sim::SimulatedGatewayStore>(
      context_.database, [this] { return context_.store_call(); },
      [this] { return context_.random.between(0, 30'000); }, context_.scheduler);
  results_ = std::make_unique<ResultsWatch>(context_.scheduler, context_.broker);
  gateway::Environment environment{clock_,
                                   quiet_logger(),
                                   quiet_metrics(),
                                   *results_,
                                   [] { return nullptr; },
                                   Keys::get().signer,
                                   Keys::get().codes,
                                   Keys::get().user_hash,
                                   {io_.get()},
                                   {},
                                   [this] { return context_.random.next_u32(); },
                                   {},
                                   {},
                                   {},
                                   {}};
  environment.listen = [this](std::function<void(std::string_view)> told) {
    return context_.stream.make_listener([this, told = std::move(told)](std::string_view payload) {
      guarded([this, told, payload = std::string(payload)] { hear(told, payload); })();
    });
  };
  gateway_ = std::make_unique<gateway::Gateway>(std::move(environment), settings());
  requests_ = std::make_unique<sim::Producer>(
      context_.scheduler, context_.broker, ports::Topic::requests, [this] { return context_.produce(); },
      [this](const ports::Delivery& delivery) {
        guarded([this, delivery] {
          using Fate = ports::Delivery::Fate;
          const bool known = checker_.outcome(delivery.partition, delivery.offset) != nullptr;
          if (known && delivery.fate == Fate::stored) context_.coverage.count(Situation::result_before_its_delivery);
          if (known && delivery.fate == Fate::unknown && delivery.offset.value > 0) {
            context_.coverage.count(Situation::unknown_delivery_that_was_decided);
          }
          gateway_->on_deliveries()(std::span(&delivery, 1));
        })();
      });
  readers_ = 0;
  gateway_->start_driven(*requests_, context_.plan.partitions);
  look_for_partitions();
}

void GatewayNode::crashed() {
  if (life_->waiting_clients > 0) context_.coverage.count(Situation::gateway_restart_while_a_client_waits);
  life_->ended = true;
  requests_.reset();
  gateway_.reset();
  results_.reset();
  store_.reset();
  io_.reset();
}

void GatewayNode::look_for_partitions() {
  gateway_->feed().look_for_partitions();
  for (; readers_ < gateway_->feed().readers(); ++readers_) {
    // One partition may have more to read back than another.
    const std::int64_t late_us = context_.random.between(0, context_.random.chance(300) ? 2'000'000 : 1'000);
    after(late_us, [this, partition = Partition{readers_}] { step_reader(partition); });
  }
  const bool all = readers_ >= context_.plan.partitions;
  if (!all) after(200'000, [this] { look_for_partitions(); });
}

void GatewayNode::step_reader(Partition partition) {
  const auto pause = gateway_->feed().step(partition);
  take_jobs();
  if (pause.count() > 0) {
    after(pause.count() * 1'000, [this, partition] { step_reader(partition); });
    return;
  }
  // One of the two comes first: a record, or the end of the poll.
  const auto once = std::make_shared<bool>(false);
  const auto step = [this, partition, once] {
    if (!std::exchange(*once, true)) step_reader(partition);
  };
  context_.broker.call_at_append(ports::Topic::results, partition,
                                 guarded([this, step] { after(context_.network_us(), step); }));
  after(400'000, step);
}

void GatewayNode::hear(const std::function<void(std::string_view)>& told, const std::string& payload) {
  const auto batch = wire::decode_result_batch(payload);
  if (!batch) return context_.violate(name_ + " heard what cannot be read");
  Coverage& coverage = context_.coverage;
  if (batch->epoch < context_.database.partition(batch->partition).epoch) {
    coverage.count(Situation::outcome_heard_after_a_takeover);
  }
  if (!ready()) {
    coverage.count(Situation::outcome_heard_by_a_gateway_that_is_not_ready);
  } else if (results_->learned(*batch)) {
    coverage.count(Situation::outcome_heard_before_it_was_read);
  } else {
    coverage.count(Situation::outcome_heard_after_it_was_read);
    if (results_->newest(batch->partition) - batch->last_offset >= context_.plan.window_records) {
      coverage.count(Situation::outcome_heard_below_the_window);
    }
  }
  told(payload);
  take_jobs();
}

void GatewayNode::check_held(const Asked& asked, const Told& told) {
  // A small window may have forgotten it again.
  constexpr std::int64_t window_records_min = 1'024;
  if (!asked.waits || told.state != "waiting" || context_.plan.window_records < window_records_min) return;
  if (checker_.has_lost_log()) return;
  const std::string& receipt = asked.kind == Asked::Kind::poll ? asked.receipt : told.receipt;
  const auto place = Keys::get().signer.verify(receipt);
  if (!place) return;
  constexpr std::int64_t moment_us = 100'000;
  const auto learned_us = results_->learned_at_us(place->partition, place->offset);
  if (!learned_us || context_.scheduler.now_us() - *learned_us < moment_us) return;
  context_.violate(name_ + " let a client wait that it could have told the outcome of " + receipt);
}

void GatewayNode::take_jobs() {
  while (gateway_->pool().queued() > 0) {
    const auto job = gateway_->pool().take();
    if (!job) return;
    after(context_.store_us(), [this, job = *job] {
      job(*store_);
      take_jobs();
    });
  }
}

void GatewayNode::ask(const HttpCall& call, const Asked& asked, Answered answered) {
  if (context_.strikes(Fault::http_lost)) return;
  context_.scheduler.after(context_.network_us(), [this, call, asked, answered = std::move(answered)] {
    if (is_up()) guarded([this, call, asked, answered] { handle(call, asked, answered); })();
  });
}

void GatewayNode::handle(const HttpCall& call, const Asked& asked, Answered answered) {
  ports::HttpRequest request;
  request.method = call.method;
  request.target = call.path;
  request.path = call.path;
  request.body = call.body;
  request.remote_address = "client";
  for (const auto& [name, value] : call.headers) request.headers.emplace_back(name, value);
  gateway_->handler()(*io_, request, std::make_shared<Reply>(*this, asked, std::move(answered)));
  take_jobs();
}

}  // namespace openrun::simulation
