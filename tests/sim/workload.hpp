// Who uses the system: users that ask, ask again, wait and poll; an admin that makes campaigns and changes them. One
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway_node.hpp"

namespace openrun::simulation {

// A request for a coupon that waits for its outcome, as the checks at the end send it.
[[nodiscard]] HttpCall late_request(CampaignId campaign, const std::string& user);

class Workload {
 public:
  Workload(Context& context, Checker& checker, std::vector<std::unique_ptr<GatewayNode>>& gateways);

  void begin();
  // After everything is settled: every receipt of every gateway, one new request of each campaign, and some of
  // those who won. Answers that are wrong are violations; those that did not come are asked for again until `until_us`.
  void verify(std::int64_t until_us);
  [[nodiscard]] bool verified() const { return open_checks_ == 0; }
  [[nodiscard]] std::size_t open_checks() const { return open_checks_; }
  // Asks, and answers with status 0 where nothing came in time.
  void ask(GatewayNode& gateway, const HttpCall& call, const Asked& asked, std::int64_t patience_us,
           GatewayNode::Answered answered);
  // Of the campaigns that exist, for the operator's repairs.
  [[nodiscard]] CampaignId any_campaign(Partition partition);
  [[nodiscard]] std::string any_user();

  // What the admin's campaigns are like.
  struct Campaign {
    std::string key;
    std::int64_t stock = 1;
    std::int64_t starts_ms = 0;  // of simulated time
    std::int64_t ends_ms = 0;    // 0: none
    std::int64_t max_per_user = 1;
    CampaignId id;  // 0: not made yet
  };
  [[nodiscard]] const std::vector<Campaign>& campaigns() const { return campaigns_; }

 private:
  struct Request {
    std::size_t campaign = 0;
    std::string user;
    std::string key;
    std::int32_t tries = 0;
    bool again = false;
  };
  struct Command {
    std::size_t campaign = 0;
    std::string key;
    ports::HttpMethod method = ports::HttpMethod::post;
    std::string path_end;
    std::string body;
    std::int32_t tries = 0;
  };
  [[nodiscard]] GatewayNode& any_gateway();
  void create(std::size_t index);
  void plan_requests();
  void plan_commands();
  void request(Request wish);
  void answered(Request wish, const Told& told);
  void poll(const std::string& receipt, std::int32_t polls_left, std::int64_t delay_us);
  void command(Command order);
  void command_answered(Command order, const Told& told);
  [[nodiscard]] Command any_command(std::size_t campaign, std::int32_t number);
  void check_receipt(std::size_t gateway, const std::string& receipt, std::int64_t until_us);
  void check_campaign(std::size_t gateway, CampaignId campaign, std::int64_t until_us, bool again);
  // Those who got a coupon ask once more: the newest ones, and some others.
  void check_winners(std::size_t gateway, CampaignId campaign, std::int64_t until_us);
  void check_winner(std::size_t gateway, CampaignId campaign, const std::string& user, std::int64_t until_us);
  // With a receipt that was given before the log was made anew.
  void check_stranger(std::size_t gateway, const std::string& receipt, std::int64_t until_us);

  Context& context_;
  Checker& checker_;
  std::vector<std::unique_ptr<GatewayNode>>& gateways_;
  std::vector<Campaign> campaigns_;
  std::map<std::string, std::string> command_answers_;  // by key: applied, or the reason of the refusal
  std::size_t open_checks_ = 0;
};

}  // namespace openrun::simulation
