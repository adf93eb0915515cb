// A system in which nothing is to be mended, for tests that break one thing of it: two partitions, two issuers, a
// relay, and campaign 7 in partition 1, which opens in an hour.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/check/judge.hpp"

namespace openrun::cli::check::testing {

inline constexpr Timestamp now{1'800'000'000'000};
inline constexpr Partition p0{0};
inline constexpr Partition p1{1};

inline ports::WatchedStore good_watch() {
  ports::WatchedStore store;
  store.now = now;
  for (const Partition partition : {p0, p1}) {
    ports::WatchedPartition one;
    one.partition = partition;
    one.epoch = Epoch{4};
    one.next_offset = Offset{100};
    one.published_through = Offset{100};
    one.committed_at = Timestamp{now.value - hour_ms};
    store.partitions.push_back(one);
    store.connections.push_back({"openrun-issuer/" + std::to_string(partition.value) + "/4", "", 1, now});
  }
  ports::AuditResult audit;
  audit.kind = ports::AuditKind::reconciler;
  audit.ended_at = Timestamp{now.value - minute_ms};
  store.audits.push_back(audit);
  audit.kind = ports::AuditKind::deep_audit;
  audit.ended_at = Timestamp{now.value - hour_ms};
  store.audits.push_back(audit);
  return store;
}

inline ports::StoredCampaign good_campaign() {
  ports::StoredCampaign stored;
  stored.partition = p1;
  stored.campaign.id = CampaignId{7};
  stored.campaign.terms.name = "sale";
  stored.campaign.terms.stock = 1'000;
  stored.campaign.terms.starts_at = Timestamp{now.value + hour_ms};
  stored.campaign.terms.ends_at = Timestamp{now.value + 2 * hour_ms};
  return stored;
}

inline StoreFacts good_store() {
  StoreFacts store;
  store.server.role = "openrun";
  store.server.is_writable = true;
  store.server.durability = ports::StoreDurability{"on", "on", "on"};
  store.server.wal = ports::StoreWal{16 * 1024 * 1024, std::int64_t{2'048} * 1024 * 1024};
  store.server.segments_ahead = 127;
  store.server.connections = ports::StoreConnections{20, 100};
  store.before = good_watch();
  store.after = good_watch();
  store.checkpoints = ports::GatewayStore::Checkpoints{{p0, {Offset{100}, now}}, {p1, {Offset{100}, now}}};
  store.campaigns = std::vector{good_campaign()};
  return store;
}

inline LogFacts good_log() {
  LogFacts log;
  for (const auto topic : {ports::Topic::requests, ports::Topic::results, ports::Topic::dead_letters}) {
    std::vector<ports::LogPartitionState> partitions;
    for (const Partition partition : {p0, p1})
      partitions.push_back({partition, true, 3, 3, ports::LogBounds{Offset{10}, Offset{100}}});
    log.state.topics[topic] = partitions;
  }
  log.state.groups[ports::issuers_group] =
      ports::GroupState{true, {{"issuer-1", "/a", {p0}}, {"issuer-2", "/b", {p1}}}};
  log.state.groups[ports::relays_group] = ports::GroupState{true, {{"relay-1", "/a", {p0, p1}}}};
  log.settings =
      std::vector<ports::TopicFinding>{{"openrun.requests", true, "2 partitions, settings as they must be", ""}};
  return log;
}

inline Facts good_facts() {
  Facts facts;
  facts.asked.campaigns = {CampaignId{7}};
  facts.asked.version = "1.2.3";
  facts.now = now;
  facts.store = good_store();
  facts.log = good_log();
  GatewayFacts gateway;
  gateway.live_status = 200;
  gateway.ready_status = 200;
  gateway.version = "1.2.3";
  gateway.campaigns[CampaignId{7}] = 200;
  facts.gateways = {{"http://a:8080", gateway}};
  return facts;
}

inline Error down(const std::string& who) {
  return {Error::Kind::unavailable, who + " does not answer"};
}

// "WRONG partition 1 issuer: text -> fix" of all that is not ok, in their order.
inline std::vector<std::string> complaints(const Facts& facts) {
  std::vector<std::string> out;
  for (const Finding& one : judge(facts)) {
    if (one.verdict == Verdict::ok) {
      EXPECT_EQ(one.fix, "") << one.text;
      continue;
    }
    EXPECT_NE(one.fix, "") << one.text;
    out.push_back(std::string(to_string(one.verdict)) + " " + one.part + " " + one.check + ": " + one.text + " -> " +
                  one.fix);
  }
  return out;
}

// What is said of one check, also where it is ok: "ok: 20 of 100 in use".
inline std::string said(const Facts& facts, std::string_view part, std::string_view check) {
  std::string out;
  for (const Finding& one : judge(facts)) {
    if (one.part == part && one.check == check)
      out += (out.empty() ? "" : "\n") + std::string(to_string(one.verdict)) + ": " + one.text;
  }
  return out;
}

}  // namespace openrun::cli::check::testing
