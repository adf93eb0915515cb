#include "cli/front/help_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/small_tree.hpp"

namespace openrun::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string help_of(std::vector<std::string> words, const PrintStyle& style = {}) {
  const CommandInfo root = small_tree();
  return help_text(root, *find_command(root, words), style);
}

TEST(HelpText, ACommandTellsUsageDefaultsAndWhatIsRequired) {
  const std::string help = help_of({"campaign", "create"});
  EXPECT_TRUE(help.starts_with("Create a campaign\n")) << help;
  EXPECT_THAT(help, HasSubstr("\nUsage:\n  openrun campaign create --name TEXT [OPTIONS]\n"));
  EXPECT_THAT(help, HasSubstr("\n  --name TEXT       Its name (required)\n"));
  EXPECT_THAT(help, HasSubstr("\n  --starts-at TIME  When it opens (default: now)\n"));
  EXPECT_THAT(help, HasSubstr("\n  --wait SECONDS    How long (1 to 30)\n"));
  EXPECT_THAT(help,
              HasSubstr("(default: http://127.0.0.1:8080; or OPENRUN_URL in the\n                 environment)\n"));
}

TEST(HelpText, ACommandTeachesByExamplesExitsAndADocument) {
  const std::string help = help_of({"campaign", "create"});
  EXPECT_THAT(help, HasSubstr("\nExamples:\n  # A thousand coupons, from now on\n"
                              "  openrun campaign create --name \"Spring sale\" --stock 1000\n"));
  EXPECT_THAT(help, HasSubstr("\nExits with:\n  0 done, 1 "));
  EXPECT_THAT(help, HasSubstr("\nRead more: docs/cli.md#campaigns\n"));
}

TEST(HelpText, APositionalStandsInTheUsage) {
  EXPECT_THAT(help_of({"campaign", "show"}), HasSubstr("\n  openrun campaign show CAMPAIGN\n"));
  EXPECT_THAT(help_of({"help"}), HasSubstr("\n  openrun help [COMMAND...]\n"));
}

TEST(HelpText, AGroupListsItsCommandsAndTheRootAllByGroup) {
  const std::string help = help_of({"campaign"});
  EXPECT_THAT(help, HasSubstr("\nCommands:\n  create  Create a campaign\n  show    Show one\n"));
  EXPECT_THAT(help, HasSubstr("openrun help campaign COMMAND shows a command's options and examples."));
  const std::string all = help_of({});
  EXPECT_THAT(all, HasSubstr("\nCampaigns:\n  campaign  Create and look at campaigns\n  export    Write coupons\n"));
  EXPECT_THAT(all, HasSubstr("\nThis tool:\n  completion  Print a script\n"));
}

TEST(HelpText, IsWrappedAtTheTerminalsWidthButExamplesAreNot) {
  const std::string help = help_of({"campaign", "create"}, {.columns_max = 50});
  std::size_t begin = help.find("\nOptions:");
  const std::size_t examples = help.find("\nExamples:");
  while (begin < examples) {
    const std::size_t end = help.find('\n', begin + 1);
    EXPECT_LE(display_width(help.substr(begin + 1, end - begin - 1)), 50U) << help.substr(begin, end - begin);
    begin = end;
  }
  EXPECT_THAT(help, HasSubstr("--ends-at 2030-12-24T00:00:00Z --discount-percent 10\n"));
}

TEST(HelpText, HasColourOnlyOnATerminal) {
  EXPECT_THAT(help_of({"campaign"}), Not(HasSubstr("\033")));
  EXPECT_THAT(help_of({"campaign"}, {.columns_max = 80, .colour = true}), HasSubstr("\033[1mUsage:\033[0m"));
}

}  // namespace
}  // namespace openrun::cli
