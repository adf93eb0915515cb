#include "cli/front/text_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::cli {
namespace {

TEST(DisplayWidth, HangulAndOtherWideCharactersTakeTwoColumns) {
  EXPECT_EQ(display_width("sale"), 4U);
  EXPECT_EQ(display_width("봄 세일"), 7U);
  EXPECT_EQ(display_width("春の朝"), 6U);
  EXPECT_EQ(display_width("🎉"), 2U);
}

TEST(DisplayWidth, ADecomposedSyllableIsAsWideAsAComposedOne) {
  EXPECT_EQ(display_width("\u1112\u1161\u11AB"), 2U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
}

TEST(DisplayWidth, BytesThatAreNoTextCountOneEach) {
  EXPECT_EQ(display_width("\xff\xfe"), 2U);
  EXPECT_EQ(display_width("a\xed\x95"), 3U);
}

TEST(CutToWidth, NeverCutsACharacterInHalf) {
  EXPECT_EQ(cut_to_width("봄 세일", 7), "봄 세일");
  EXPECT_EQ(cut_to_width("봄 세일", 6), "봄 세…");
  EXPECT_EQ(cut_to_width("봄 세일", 5), "봄 …");
  EXPECT_EQ(cut_to_width("abc", 0), "");
}

TEST(Printable, NothingThatSteersTheTerminalGetsThrough) {
  EXPECT_EQ(printable("\033[2Jkim"), "?[2Jkim");
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a?b?c?");
  EXPECT_EQ(printable("\xc2\x9b"), "?");
  EXPECT_EQ(printable("\u202Ekim"), "?kim");
  EXPECT_EQ(printable("\xff봄"), "?봄");
}

TEST(Grouped, ThousandsAreApart) {
  EXPECT_EQ(grouped(std::int64_t{0}), "0");
  EXPECT_EQ(grouped(std::int64_t{999}), "999");
  EXPECT_EQ(grouped(std::int64_t{1'000}), "1,000");
  EXPECT_EQ(grouped(std::int64_t{-1'234'567}), "-1,234,567");
  EXPECT_EQ(grouped(std::uint64_t{18'446'744'073'709'551'615ULL}), "18,446,744,073,709,551,615");
}

TextTable campaigns() {
  TextTable table({{"ID", Align::right}, {"STATE"}, {"STOCK", Align::right}, {"NAME", Align::left, true}},
                  "there are no campaigns");
  table.add({"7", Cell("open", Tone::good), "1,000", "봄 세일"});
  table.add({"12", "sold_out", "5", "a sale with a rather long name"});
  return table;
}

TEST(TextTable, NumbersEndInOneColumnAndTextsBeginInOne) {
  EXPECT_EQ(campaigns().text({}),
            "ID  STATE     STOCK  NAME\n"
            " 7  open      1,000  봄 세일\n"
            "12  sold_out      5  a sale with a rather long name\n");
}

TEST(TextTable, AWideColumnInTheMiddleKeepsTheOthersAligned) {
  TextTable table({{"USER"}, {"CODE"}}, "");
  table.add({"김철수", "a"});
  table.add({"kim", "b"});
  EXPECT_EQ(table.text({}),
            "USER    CODE\n"
            "김철수  a\n"
            "kim     b\n");
}

TEST(TextTable, IsCutToTheTerminalOnlyWhereItMay) {
  const std::string text = campaigns().text({.columns_max = 33});
  EXPECT_EQ(text,
            "ID  STATE     STOCK  NAME\n"
            " 7  open      1,000  봄 세일\n"
            "12  sold_out      5  a sale with…\n");
  // Too narrow for all that may not be cut: nothing more is lost.
  EXPECT_THAT(campaigns().text({.columns_max = 10}), testing::HasSubstr("12  sold_out      5  a sale …\n"));
}

TEST(TextTable, IsColouredOnlyWhereTheStyleSaysSo) {
  EXPECT_THAT(campaigns().text({}), testing::Not(testing::HasSubstr("\033")));
  EXPECT_THAT(campaigns().text({.columns_max = 0, .colour = true}),
              testing::HasSubstr("\033[32mopen\033[0m      1,000"));
}

TEST(TextTable, WithoutRowsItSaysSo) {
  EXPECT_EQ(TextTable({{"ID"}}, "there are no campaigns").text({}), "there are no campaigns\n");
}

TEST(TextTable, MissingAndEmptyCellsLeaveNoTrailingBlanks) {
  TextTable table({{"A"}, {"B"}, {"C", Align::right}}, "");
  table.add({"x", ""});
  table.add({"", "y", "1"});
  EXPECT_EQ(table.text({}), "A  B  C\nx\n   y  1\n");
}

}  // namespace
}  // namespace openrun::cli
