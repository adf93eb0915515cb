#include "cli/check/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::cli::check {
namespace {

const Findings mixed{{"kafka", "replicas", Verdict::ok, "all 6"},
                     {"partition 3", "dispatch", Verdict::look, "at most 5", "openrun dispatch 0 --partition 3"},
                     {"postgres", "transactions", Verdict::wrong, "of \x1b[31mkim", "psql"}};

TEST(CheckPrint, PeopleGetALineEachAndTheWayToMendItInALineOfItsOwn) {
  EXPECT_EQ(as_text(mixed, {}),
            "ok     kafka        replicas      all 6\n"
            "look   partition 3  dispatch      at most 5\n"
            "       -> openrun dispatch 0 --partition 3\n"
            "WRONG  postgres     transactions  of ?[31mkim\n"
            "       -> psql\n"
            "1 ok, 1 to look at, 1 WRONG\n");
}

TEST(CheckPrint, WhatSomebodyWroteInSeveralLinesIsOne) {
  const Findings told{{"postgres", "answers", Verdict::wrong, "refused\n\tIs it running?\n", "x"}};
  EXPECT_THAT(as_text(told, {}), ::testing::HasSubstr("answers  refused Is it running?\n       -> x\n"));
  EXPECT_THAT(as_json(told), ::testing::HasSubstr(R"("text":"refused Is it running?","fix")"));
}

TEST(CheckPrint, ATerminalGetsTheVerdictInColour) {
  EXPECT_THAT(as_text(mixed, {.columns_max = 80, .colour = true}), ::testing::HasSubstr("\x1b["));
}

TEST(CheckPrint, ProgramsGetOneDocument) {
  EXPECT_EQ(as_json(mixed),
            R"({"ok":false,"findings":[{"part":"kafka","check":"replicas","verdict":"ok","text":"all 6"},)"
            R"({"part":"partition 3","check":"dispatch","verdict":"look","text":"at most 5",)"
            R"("fix":"openrun dispatch 0 --partition 3"},)"
            R"({"part":"postgres","check":"transactions","verdict":"WRONG","text":"of ?[31mkim","fix":"psql"}]})"
            "\n");
}

TEST(CheckPrint, OnlyWhatIsWrongIsNotOk) {
  EXPECT_TRUE(is_ok({mixed[0], mixed[1]}));
  EXPECT_FALSE(is_ok(mixed));
}

}  // namespace
}  // namespace openrun::cli::check
