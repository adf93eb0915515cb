#include "cli/front/suggestion.hpp"

#include <gtest/gtest.h>

#include "cli/testing/small_tree.hpp"

namespace openrun::cli {
namespace {

using Words = std::vector<std::string>;

TEST(Nearest, FindsWhatWasMistyped) {
  const Words names{"create", "list", "show", "history"};
  EXPECT_EQ(nearest("lsit", names), "list");
  EXPECT_EQ(nearest("crate", names), "create");
  EXPECT_EQ(nearest("showw", names), "show");
  EXPECT_EQ(nearest("hist", names), "history");
}

TEST(Nearest, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("delete", {"list", "show"}), "");
  EXPECT_EQ(nearest("", {"list"}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), {"list"}), "");
}

TEST(UnknownWord, ACommandGetsTheNearestOne) {
  EXPECT_EQ(unknown_word(small_tree(), Words{"campaing", "list"}),
            "there is no command \"campaing\" of openrun; did you mean openrun campaign?");
  EXPECT_EQ(unknown_word(small_tree(), Words{"campaign", "lst"}),
            "there is no command \"lst\" of openrun campaign; did you mean openrun campaign list?");
}

TEST(UnknownWord, WithoutANearOneAllAreListed) {
  EXPECT_EQ(unknown_word(small_tree(), Words{"campaign", "destroy"}),
            "there is no command \"destroy\" of openrun campaign; there are: create show list");
}

TEST(UnknownWord, AnOptionGetsTheNearestOneAlsoOfEveryCommand) {
  EXPECT_EQ(unknown_word(small_tree(), Words{"campaign", "create", "--nmae", "x"}),
            "there is no option --nmae of openrun campaign create; did you mean --name?");
  EXPECT_EQ(unknown_word(small_tree(), Words{"campaign", "create", "--jsn"}),
            "there is no option --jsn of openrun campaign create; did you mean --json?");
}

TEST(UnknownWord, ALineThatNamesOnlyWhatThereIsIsNotItsBusiness) {
  EXPECT_EQ(unknown_word(small_tree(), Words{"campaign", "create"}), "");
  EXPECT_EQ(unknown_word(small_tree(), Words{}), "");
}

}  // namespace
}  // namespace openrun::cli
