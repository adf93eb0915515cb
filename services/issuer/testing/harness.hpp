// Runs the issuer's loop on one thread against a fake log and a fake store, in virtual time: no test sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <openrun/issuance/event.hpp>

#include "issuer/loop.hpp"
#include "issuer/testing/fake_log.hpp"
#include "issuer/testing/fake_store.hpp"

namespace openrun::testing {

inline constexpr Partition test_partition{3};
inline constexpr std::int64_t test_start_ms = 1'764'000'000'000;

// What the tests put into the log. Every record gets the harness' wall-clock time unless told otherwise.
[[nodiscard]] std::string create(std::uint32_t campaign, std::uint32_t stock, std::uint32_t max_per_user = 1);
[[nodiscard]] std::string add_stock(std::uint32_t campaign, std::int64_t add, const std::string& key);
// Without a nonce it can't be told from another of the same user.
[[nodiscard]] std::string request(std::uint32_t campaign, const std::string& user, const std::string& key = "",
                                  std::uint32_t nonce = 0);
[[nodiscard]] std::string replay(Offset origin, const std::string& original);
[[nodiscard]] std::string decision_version(std::uint32_t version);
[[nodiscard]] const crypto::CouponCodes& test_codes();
inline const std::string garbage = "\xff\xfe this is no record";

class Harness {
 public:
  explicit Harness(issuer::LoopSettings settings = {});

  FakeDatabase database;
  FakeLog log;

  Offset append(std::string value, std::int64_t ahead_ms = 0, ports::Headers headers = {});
  void append_all(const std::vector<std::string>& values);

  // Makes a new loop: the process was restarted, or another one was assigned the partition.
  void restart();
  // Performs what the loop asks for until nothing is left but waiting.
  void run();
  // The same, and lets time pass: wakes the loop when it wants to be, ends reads when they time out.
  void run_for(std::int64_t milliseconds);
  void sleep_to(std::int64_t monotonic_us);

  [[nodiscard]] issuer::IssuerLoop& loop() { return *loop_; }
  [[nodiscard]] issuer::Now now() const;
  [[nodiscard]] FakeDatabase::PartitionState state() const { return database.state(test_partition); }

  // What the loop asked for, one line each, for example "Commit 0-4", "Publish 0-4", "Stop LOG_LOST", "Tell
  // taken_over". Questions about dispatch rates and bounds, and reads that returned nothing, are left out.
  std::vector<std::string> transcript;
  [[nodiscard]] std::size_t count(const std::string& beginning) const;
  [[nodiscard]] std::string last(const std::string& beginning) const;

  // While set, the store's commits and probes are not performed; release() performs the one that is held.
  bool hold_commits = false;
  [[nodiscard]] bool holds_commit() const { return held_.has_value(); }
  void release(std::optional<ports::CommitAnswer> instead = std::nullopt);

  // Asked before every I/O action; what it returns happens instead of a clean answer.
  enum class Fault : std::uint8_t {
    lost_before,   // not performed, and the answer says so (a commit: rolled back)
    doubt_before,  // not performed, a commit's answer is in doubt
    doubt_after,   // performed, the answer is lost
    conflict,      // a commit is told that its rows are there already
    fenced,        // somebody else takes the partition over just before
    crash_before,
    crash_after,  // performed, but the process is gone
  };
  std::function<std::optional<Fault>(const issuer::Action&)> fault;
  std::function<void(const issuer::Publish&)> on_publish;  // may be empty
  // The broker says where the log ends only to those who wait that long.
  std::chrono::milliseconds bounds_take{0};
  std::size_t io_actions = 0;
  bool clean = true;  // no published payload was one that the store does not hold

 private:
  void perform(const issuer::Action& action);
  void perform_store(const issuer::Action& action, std::optional<Fault> fault_now);
  void perform_log(const issuer::Action& action, std::optional<Fault> fault_now);
  void answer_commit(const issuer::Action& action, std::optional<Fault> fault_now);
  void note(const issuer::Action& action);
  bool finish_read();

  const issuer::LoopSettings settings_;
  std::int64_t monotonic_us_ = 1'000'000;
  std::optional<issuer::IssuerLoop> loop_;
  std::optional<FakeStore> store_;
  std::unique_ptr<ports::LogReader> reader_;
  struct PendingRead {
    std::size_t records_max = 0;
    std::int64_t until_us = 0;
    bool woken = false;
  };
  std::optional<PendingRead> read_;
  std::optional<issuer::Action> held_;
  bool crashed_ = false;
};

}  // namespace openrun::testing
