#include "values.hpp"

#include <string>

#include <gtest/gtest.h>

namespace openrun::postgres {
namespace {

TEST(Values, TimestampsKeepTheirMilliseconds) {
  for (const std::int64_t milliseconds :
       {0LL, 1LL, 946'684'799'999LL, 946'684'800'000LL, 1'700'000'000'123LL, 253'402'300'799'999LL}) {
    EXPECT_EQ(from_microseconds_since_2000(to_microseconds_since_2000(Timestamp{milliseconds})),
              Timestamp{milliseconds});
  }
}

TEST(Values, PartsOfAMillisecondAreRoundedTowardsThePast) {
  EXPECT_EQ(from_microseconds_since_2000(1'999), Timestamp{946'684'800'001});
  EXPECT_EQ(from_microseconds_since_2000(-1), Timestamp{946'684'799'999});
}

TEST(Values, IntegersOfEveryWidthAreRead) {
  EXPECT_EQ(Field(std::string_view("\xff\xfe", 2)).integer(), -2);
  EXPECT_EQ(Field(std::string_view("\0\0\1\2", 4)).integer(), 258);
  EXPECT_EQ(Field(std::string_view("\0\0\0\1\0\0\0\0", 8)).integer(), 4'294'967'296);
}

TEST(Values, AnArrayOfBytesReadsBackAsItWasWritten) {
  Array array(Type::bytes);
  array.add_text("a");
  array.add_text("");
  array.add_text(std::string_view("\0\xff", 2));
  const std::string bytes = array.finished();
  EXPECT_EQ(Field(bytes).byte_strings(), (std::vector<std::string>{"a", "", std::string("\0\xff", 2)}));
  const std::string empty = Array(Type::bytes).finished();
  EXPECT_TRUE(Field(empty).byte_strings().empty());
}

TEST(Values, CopyRowsReadBackAsTheyWereWritten) {
  CopyRows rows;
  rows.begin_row(4);
  rows.int4(7);
  rows.text("user");
  rows.timestamp(Timestamp{1'700'000'000'123});
  rows.timestamp(std::optional<Timestamp>());
  const std::string bytes = rows.finish();
  CopyReader reader;
  const auto row = reader.row(bytes);
  ASSERT_EQ(row.size(), 4U);
  EXPECT_EQ(row[0].integer(), 7);
  EXPECT_EQ(row[1].bytes(), "user");
  EXPECT_EQ(row[2].timestamp(), Timestamp{1'700'000'000'123});
  EXPECT_TRUE(row[3].is_null());
  EXPECT_TRUE(reader.row("\xff\xff").empty());
}

TEST(Values, AnEmptyCopyHasOnlyHeaderAndTrailer) {
  CopyRows rows;
  CopyReader reader;
  EXPECT_TRUE(reader.row(rows.finish()).empty());
}

}  // namespace
}  // namespace openrun::postgres
