#include "cli/front/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/small_tree.hpp"

namespace openrun::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Words = std::vector<std::string>;

Words texts(const Words& words, Shell shell = Shell::zsh, const CompletionSources& sources = {}) {
  Words out;
  for (const Candidate& one : complete(small_tree(), words, shell, sources).candidates) out.push_back(one.text);
  return out;
}

TEST(Completion, CommandsAreCompletedLevelByLevel) {
  EXPECT_THAT(texts({""}), ElementsAre("campaign", "export", "completion", "help"));
  EXPECT_THAT(texts({"ca"}), ElementsAre("campaign"));
  EXPECT_THAT(texts({"campaign", ""}), ElementsAre("create", "show", "list"));
  EXPECT_THAT(texts({"campaign", "s"}), ElementsAre("show"));
  EXPECT_THAT(texts({"nonsense", ""}), ElementsAre("campaign", "export", "completion", "help"));
}

TEST(Completion, OptionsAreThoseOfTheCommandAndOfEveryCommand) {
  EXPECT_THAT(texts({"campaign", "list", "-"}), ElementsAre("--state", "--from", "--json", "--gateway"));
  EXPECT_THAT(texts({"campaign", "list", "--s"}), ElementsAre("--state"));
}

TEST(Completion, AnOptionThatStandsThereAlreadyIsOfferedAgainOnlyIfItMayBeRepeated) {
  EXPECT_THAT(texts({"campaign", "list", "--state", "open", "--from", "0:1", "--json", "--"}),
              ElementsAre("--from", "--gateway"));
}

TEST(Completion, ValuesThatCanBeListedAreCompleted) {
  EXPECT_THAT(texts({"campaign", "list", "--state", ""}), ElementsAre("open", "paused", "sold_out"));
  EXPECT_THAT(texts({"campaign", "list", "--state", "p"}), ElementsAre("paused"));
  EXPECT_THAT(texts({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(texts({"campaign", "create", "--name", ""}), IsEmpty());
}

TEST(Completion, AValueBehindAnEqualsSignKeepsItsOption) {
  EXPECT_THAT(texts({"campaign", "list", "--state=p"}), ElementsAre("--state=paused"));
}

TEST(Completion, BashHandsOverAnEqualsSignAsAWordOfItsOwn) {
  EXPECT_THAT(texts({"campaign", "list", "--state", "=", "p"}, Shell::bash), ElementsAre("paused"));
  EXPECT_THAT(texts({"campaign", "list", "--state", "="}, Shell::bash), ElementsAre("open", "paused", "sold_out"));
  EXPECT_THAT(texts({"campaign", "list", "--from", "0", ":", "17", "--s"}, Shell::bash), ElementsAre("--state"));
}

TEST(Completion, CampaignsComeFromTheRunningSystem) {
  const CompletionSources sources{
      [] { return std::vector<Candidate>{{"1", "open: Spring"}, {"12", "closed: Advent"}}; }};
  EXPECT_THAT(texts({"campaign", "show", "1"}, Shell::zsh, sources), ElementsAre("1", "12"));
  EXPECT_THAT(texts({"campaign", "show", ""}), IsEmpty());
}

TEST(Completion, FilesAreLeftToTheShell) {
  EXPECT_TRUE(complete(small_tree(), {"export", "-o", ""}, Shell::bash, {}).files);
  EXPECT_TRUE(complete(small_tree(), {"export", "--output", "a"}, Shell::bash, {}).files);
  EXPECT_FALSE(complete(small_tree(), {"export", ""}, Shell::bash, {}).files);
}

TEST(Completion, BehindHelpStandCommands) {
  EXPECT_THAT(texts({"help", "c"}), ElementsAre("campaign", "completion"));
  EXPECT_THAT(texts({"help", "campaign", "c"}), ElementsAre("create"));
  EXPECT_THAT(texts({"help", "campaign", "create", ""}), IsEmpty());
}

TEST(CompletionLines, DescriptionsAreForShellsThatShowThem) {
  const Completion found{false, {{"1", "open: a\tb\n\033[2J"}}};
  EXPECT_EQ(completion_lines(found, Shell::bash), ":words\n1\n");
  EXPECT_EQ(completion_lines(found, Shell::fish), ":words\n1\topen: a?b??[2J\n");
  EXPECT_EQ(completion_lines({true, {}}, Shell::zsh), ":files\n");
}

}  // namespace
}  // namespace openrun::cli
