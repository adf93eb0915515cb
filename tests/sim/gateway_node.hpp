// A gateway process: the production gateway without its HTTP server and its threads; requests are handed over as
// values. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checker.hpp"
#include "gateway/gateway.hpp"
#include "node.hpp"
#include "results_watch.hpp"

namespace openrun::simulation {

struct HttpCall {
  ports::HttpMethod method = ports::HttpMethod::get;
  std::string path;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

class GatewayNode final : public Node {
 public:
  GatewayNode(Context& context, Checker& checker, std::string name);
  ~GatewayNode() override;
  GatewayNode(const GatewayNode&) = delete;
  GatewayNode& operator=(const GatewayNode&) = delete;

  // The answer comes after a while, or never: where the process is gone or the network loses it.
  using Answered = std::function<void(const Told&)>;
  void ask(const HttpCall& call, const Asked& asked, Answered answered);
  [[nodiscard]] bool ready() const { return gateway_ && gateway_->feed().ready(); }

 private:
  // From one start to the next crash; what is still on its way then asks it.
  struct Life {
    bool ended = false;
    std::int32_t waiting_clients = 0;
  };
  class IoThread;
  class Reply;
  void started() override;
  void crashed() override;
  // A client that waits is answered as soon as this gateway knows the outcome.
  void check_held(const Asked& asked, const Told& told);
  void handle(const HttpCall& call, const Asked& asked, Answered answered);
  void look_for_partitions();
  void step_reader(Partition partition);
  // What an issuer tells past the log; `told` is the gateway's own.
  void hear(const std::function<void(std::string_view)>& told, const std::string& payload);
  // Plans the store's jobs that have been submitted meanwhile.
  void take_jobs();
  [[nodiscard]] gateway::Settings settings() const;

  Checker& checker_;
  std::unique_ptr<IoThread> io_;
  std::unique_ptr<ResultsWatch> results_;
  std::unique_ptr<sim::SimulatedGatewayStore> store_;
  std::unique_ptr<sim::Producer> requests_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::int32_t readers_ = 0;
  std::shared_ptr<Life> life_;
};

}  // namespace openrun::simulation
