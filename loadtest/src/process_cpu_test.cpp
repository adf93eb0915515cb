// A /proc of the test's own, with a file for each process that there shall be.
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <openrun/load/process_cpu.hpp>

namespace openrun::load {
namespace {

using ::testing::HasSubstr;

struct OneProcess {
  int pid = 0;
  int parent = 1;
  int user = 0;
  int system = 0;
  int user_of_ended = 0;
  int system_of_ended = 0;
  std::string command = "openrun-gateway";
  char state = 'S';
  int started = 500;
};

std::string stat_of(const OneProcess& one) {
  const auto word = [](int number) { return " " + std::to_string(number); };
  return std::to_string(one.pid) + " (" + one.command + ") " + one.state + word(one.parent) +
         " 1 1 0 -1 4194560 100 200 0 0" + word(one.user) + word(one.system) + word(one.user_of_ended) +
         word(one.system_of_ended) + " 20 0 4 0" + word(one.started) + " 1000000 300 18446744073709551615 0 0\n";
}

class ProcessCpu : public ::testing::Test {
 protected:
  ProcessCpu() : proc(std::filesystem::path(::testing::TempDir()) / ("proc-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(proc / "sys");
    std::ofstream(proc / "uptime") << "1 1\n";
  }
  ~ProcessCpu() override { std::filesystem::remove_all(proc); }

  void put(const OneProcess& one) const {
    std::filesystem::create_directories(proc / std::to_string(one.pid));
    std::ofstream(proc / std::to_string(one.pid) / "stat") << stat_of(one);
  }
  void end(int pid) const { std::filesystem::remove_all(proc / std::to_string(pid)); }
  [[nodiscard]] CpuMeter meter(std::vector<NamedProcess> processes) const {
    return CpuMeter(std::move(processes), proc.string());
  }
  [[nodiscard]] std::string complaint_about(const std::vector<std::string>& texts) const {
    const auto processes = parse_processes(texts, proc.string());
    return processes ? "" : processes.error().message;
  }
  // In the clock ticks that files of /proc are written in.
  [[nodiscard]] static double ticks(const CpuUse& use) {
    return use.seconds.value() * static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  std::filesystem::path proc;
};

TEST_F(ProcessCpu, ACommandMayHoldSpacesAndParentheses) {
  for (const char* command : {"java", "tmux: server", "a) R 7 8 9 (b", ") (", ""}) {
    const OneProcess one{.pid = 10,
                         .parent = 7,
                         .user = 1,
                         .system = 20,
                         .user_of_ended = 300,
                         .system_of_ended = 4'000,
                         .command = command,
                         .started = 99};
    const auto process = parse_process_stat(stat_of(one));
    ASSERT_TRUE(process) << command;
    EXPECT_EQ(process->parent, 7) << command;
    EXPECT_EQ(process->cpu_ticks, 4'321U) << command;
    EXPECT_EQ(process->started_ticks, 99U) << command;
    EXPECT_TRUE(process->runs) << command;
  }
  EXPECT_FALSE(parse_process_stat(stat_of({.pid = 10, .state = 'Z'}))->runs);
  for (const char* text : {"", "10 java S 1", "10 (java) S 1 2 3"}) EXPECT_FALSE(parse_process_stat(text)) << text;
}

TEST_F(ProcessCpu, WhatAProcessHasStartedIsMeasuredWithIt) {
  put({.pid = 10, .user = 100, .system = 50});
  put({.pid = 11, .parent = 10, .user = 10});
  put({.pid = 12, .parent = 11, .user = 1});
  put({.pid = 20, .user = 1'000});
  CpuMeter cpu = meter({{"postgres", 10}});
  cpu.begin(0);
  put({.pid = 10, .user = 101, .system = 52, .user_of_ended = 11, .system_of_ended = 4});  // 11 has ended
  end(11);
  put({.pid = 12, .parent = 1, .user = 1});
  put({.pid = 13, .parent = 10, .user = 5, .system = 60});  // is new, and what it has started too
  put({.pid = 14, .parent = 13, .user = 700});
  put({.pid = 20, .user = 9'000});
  cpu.end(0);
  ASSERT_EQ(cpu.report().uses.size(), 2U);
  EXPECT_EQ(cpu.report().uses[0].name, "postgres");
  EXPECT_DOUBLE_EQ(ticks(cpu.report().uses[0]), (153 + 15 + 65 + 700) - (150 + 10 + 1));
}

TEST_F(ProcessCpu, ProcessesOfOneNameAddUpAndNoneCountsTwice) {
  for (const int pid : {10, 20, 30}) put({.pid = pid});
  put({.pid = 11, .parent = 10});
  CpuMeter cpu = meter({{"gateway", 10}, {"issuer", 30}, {"gateway", 20}, {"gateway", 11}});
  cpu.begin(100);
  put({.pid = 10, .user = 1});
  put({.pid = 11, .parent = 10, .user = 20});
  put({.pid = 20, .user = 300});
  put({.pid = 30, .user = 4'000});
  cpu.end(350);
  ASSERT_EQ(cpu.report().uses.size(), 3U);
  EXPECT_EQ(cpu.report().uses[0].name, "gateway");
  EXPECT_EQ(cpu.report().uses[0].processes, 3U);
  EXPECT_DOUBLE_EQ(ticks(cpu.report().uses[0]), 321);
  EXPECT_EQ(cpu.report().uses[1].name, "issuer");
  EXPECT_DOUBLE_EQ(ticks(cpu.report().uses[1]), 4'000);
  EXPECT_EQ(cpu.report().decided, 250U);
}

TEST_F(ProcessCpu, OneThatEndsMeanwhileIsToldAndTheOthersCount) {
  for (const int pid : {10, 20, 30, 40}) put({.pid = pid, .user = 7});
  CpuMeter cpu = meter({{"gateway", 10}, {"gateway", 20}, {"gateway", 30}, {"gateway", 40}, {"gateway", 50}});
  cpu.begin(0);
  end(10);
  put({.pid = 20, .user = 8, .state = 'Z'});
  put({.pid = 30, .user = 9, .started = 501});  // another got its pid
  put({.pid = 40, .user = 27});
  put({.pid = 50, .user = 1'000});  // was not there at the beginning
  cpu.end(0);
  EXPECT_EQ(cpu.report().uses[0].processes, 5U);
  EXPECT_EQ(cpu.report().uses[0].ended, 4U);
  EXPECT_DOUBLE_EQ(ticks(cpu.report().uses[0]), 20);
  EXPECT_EQ(cpu.report().uses[0].remark(), "4 of 5 ended meanwhile: without what they used");
}

TEST_F(ProcessCpu, OfWhatHasAllEndedNothingIsKnown) {
  put({.pid = 10, .user = 7});
  CpuMeter cpu = meter({{"gateway", 10}});
  cpu.begin(0);
  end(10);
  cpu.end(5);
  const CpuUse& use = cpu.report().uses[0];
  EXPECT_FALSE(use.seconds);
  EXPECT_FALSE(cpu.report().of_a_core(use));
  EXPECT_FALSE(cpu.report().us_per_decided(use));
  EXPECT_EQ(use.remark(), "ended meanwhile: what it used is not known");
}

TEST_F(ProcessCpu, ASharePerCoreAndPerOutcomeIsTold) {
  CpuReport cpu{.seconds = 2, .decided = 250, .uses = {{"gateway", 1, 0, 0.5}}};
  EXPECT_DOUBLE_EQ(cpu.of_a_core(cpu.uses[0]).value(), 0.25);
  EXPECT_DOUBLE_EQ(cpu.us_per_decided(cpu.uses[0]).value(), 2'000);
  cpu.decided = 0;
  EXPECT_FALSE(cpu.us_per_decided(cpu.uses[0])) << "nobody was decided";
}

TEST_F(ProcessCpu, TheSumIsOfThoseThatWereNamed) {
  CpuReport cpu{
      .seconds = 1, .decided = 1, .uses = {{"gateway", 3, 1, 0.5}, {"issuer", 1, 0, 0.25}, {"openrun load", 1, 0, 8}}};
  const std::vector<CpuUse> lines = cpu.lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[2].name, "these together");
  EXPECT_DOUBLE_EQ(lines[2].seconds.value(), 0.75);
  EXPECT_EQ(lines[2].remark(), "1 of 4 ended meanwhile: without what they used");
  EXPECT_EQ(lines[3].name, "openrun load");
  cpu.uses.erase(cpu.uses.begin());
  EXPECT_EQ(cpu.lines().size(), 2U) << "one needs no sum";
  cpu.uses.clear();
  EXPECT_TRUE(cpu.lines().empty());
}

TEST_F(ProcessCpu, AChildThatFindsAnotherParentIsNoGain) {
  put({.pid = 10, .user = 7});
  put({.pid = 11, .parent = 10, .user = 500});
  CpuMeter cpu = meter({{"gateway", 10}});
  cpu.begin(0);
  put({.pid = 11, .parent = 1, .user = 500});
  cpu.end(0);
  EXPECT_DOUBLE_EQ(ticks(cpu.report().uses[0]), 0);
}

TEST_F(ProcessCpu, TheFirstBeginningAndTheFirstEndCount) {
  put({.pid = 10});
  CpuMeter cpu = meter({{"gateway", 10}});
  EXPECT_TRUE(cpu.report().uses.empty());
  cpu.begin(1);
  put({.pid = 10, .user = 1});
  cpu.begin(2);
  EXPECT_TRUE(cpu.report().uses.empty());
  cpu.end(3);
  put({.pid = 10, .user = 20});
  cpu.end(4);
  EXPECT_DOUBLE_EQ(ticks(cpu.report().uses[0]), 1);
  EXPECT_EQ(cpu.report().decided, 2U);
  CpuMeter late = meter({{"gateway", 10}});
  late.end(1);
  late.begin(2);
  late.end(3);
  EXPECT_TRUE(late.report().uses.empty());
}

TEST_F(ProcessCpu, TheLoadGeneratorItselfIsAlwaysTheLast) {
  CpuMeter cpu = meter({});
  cpu.begin(0);
  volatile std::uint64_t work = 0;
  while (work < 2'000'000) work = work + 1;
  cpu.end(10);
  ASSERT_EQ(cpu.report().uses.size(), 1U);
  EXPECT_EQ(cpu.report().uses[0].name, "openrun load");
  EXPECT_GT(cpu.report().uses[0].seconds.value(), 0);
  EXPECT_GT(cpu.report().seconds, 0);
}

TEST_F(ProcessCpu, ProcessesAreNamedByNameAndPid) {
  put({.pid = 10});
  put({.pid = 20});
  const auto processes = parse_processes({"gateway=10", "a=b c=20"}, proc.string());
  ASSERT_TRUE(processes);
  ASSERT_EQ(processes->size(), 2U);
  EXPECT_EQ((*processes)[0].name, "gateway");
  EXPECT_EQ((*processes)[1].name, "a=b c");
  EXPECT_EQ((*processes)[1].pid, 20);
}

TEST_F(ProcessCpu, WhatNamesNoProcessIsRefusedWithTheWayToWriteIt) {
  put({.pid = 10});
  put({.pid = 20, .state = 'Z'});
  for (const char* text : {"", "10", "gateway", "gateway=", "=10", "gateway=0", "gateway=-10", "gateway=10x",
                           "gateway= 10", "gateway=99999999999", "10=gateway"})
    EXPECT_THAT(complaint_about({text}), HasSubstr("write NAME=PID, like gateway=4711")) << text;
  for (const char* text : {"gateway=11", "gateway=20"})
    EXPECT_THAT(complaint_about({"gateway=10", text}), HasSubstr("(" + std::string(text) + "); name one that runs"));
}

TEST_F(ProcessCpu, SoManyAreNamedAndNoMore) {
  put({.pid = 10});
  EXPECT_EQ(complaint_about(std::vector<std::string>(named_processes_max, "gateway=10")), "");
  EXPECT_THAT(complaint_about(std::vector<std::string>(named_processes_max + 1, "gateway=10")),
              HasSubstr("33 processes are named; name at most 32"));
}

}  // namespace
}  // namespace openrun::load
