#include "cli/front/command_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/small_tree.hpp"

namespace openrun::cli {
namespace {

using Words = std::vector<std::string>;

TEST(CommandTree, WordsLeadToACommandOrNowhere) {
  const CommandInfo root = small_tree();
  EXPECT_EQ(find_command(root, Words{"campaign", "create"})->path, "campaign create");
  EXPECT_EQ(find_command(root, Words{})->name, "openrun");
  EXPECT_EQ(find_command(root, Words{"campaign", "crate"}), nullptr);
}

TEST(CommandTree, OnlyLeavesCanBeRun) {
  const CommandInfo root = small_tree();
  Words paths;
  for (const CommandInfo* one : runnable_commands(root)) paths.push_back(one->path);
  EXPECT_THAT(
      paths, testing::ElementsAre("campaign create", "campaign show", "campaign list", "export", "completion", "help"));
}

TEST(CommandTreeWalk, TakesAnOptionsValueForNoCommand) {
  const CommandInfo root = small_tree();
  const Walk at = walk(root, Words{"--gateway", "campaign", "campaign", "create", "--name", "list"});
  EXPECT_EQ(at.command->path, "campaign create");
  EXPECT_EQ(at.pending, nullptr);
  EXPECT_EQ(at.unknown, "");
}

TEST(CommandTreeWalk, AnOptionAtTheEndWaitsForItsValue) {
  const CommandInfo root = small_tree();
  ASSERT_NE(walk(root, Words{"campaign", "list", "--state"}).pending, nullptr);
  EXPECT_EQ(walk(root, Words{"campaign", "list", "--state=open"}).pending, nullptr);
  EXPECT_EQ(walk(root, Words{"campaign", "list", "--json"}).pending, nullptr);
}

TEST(CommandTreeWalk, CountsPositionalsAndKnowsNegativeNumbers) {
  const CommandInfo root = small_tree();
  const Walk at = walk(root, Words{"campaign", "show", "-5", "--json", "7"});
  EXPECT_EQ(at.positionals, 2U);
  EXPECT_EQ(at.unknown, "");
}

TEST(CommandTreeWalk, NamesTheFirstWordThatItDoesNotKnow) {
  const CommandInfo root = small_tree();
  EXPECT_EQ(walk(root, Words{"campaing", "lst"}).unknown, "campaing");
  EXPECT_EQ(walk(root, Words{"campaign", "list", "--sate=open"}).unknown, "--sate");
  EXPECT_EQ(walk(root, Words{"campaign", "show", "--", "--sate"}).unknown, "");
}

TEST(CommandTree, IsPrintedForPrograms) {
  std::string out;
  wire::JsonWriter json(out);
  write_command(json, *small_tree().find("export"));
  EXPECT_EQ(out,
            R"({"name":"export","path":"export","description":"Write coupons","options":[{"names":["--output","-o"],)"
            R"("value":"FILE","choices":[],"range":null,"default":null,"environment":null,"description":"Where to",)"
            R"("required":false,"positional":false,"repeated":false}],"examples":[],"commands":[]})");
}

}  // namespace
}  // namespace openrun::cli
