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

// The file header of a binary COPY, without an extension.
std::string copy_header() {
  std::string bytes("PGCOPY\n\377\r\n\0", 11);
  append_int32(bytes, 0);
  append_int32(bytes, 0);
  return bytes;
}

TEST(Values, ARowOfACopyIsTakenApartWithOrWithoutTheHeaderBeforeIt) {
  std::string row;
  append_int16(row, 3);
  append_int32(row, 4);
  append_int32(row, 7);
  append_int32(row, 4);
  row += "user";
  append_int32(row, -1);
  CopyReader reader;
  for (const std::string& message : {copy_header() + row, row}) {
    const auto fields = reader.row(message);
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_EQ(fields[0].integer(), 7);
    EXPECT_EQ(fields[1].bytes(), "user");
    EXPECT_TRUE(fields[2].is_null());
  }
  EXPECT_TRUE(reader.row("\xff\xff").empty());
}

TEST(Values, ACopyIsReadAsItWasWritten) {
  CopyWriter writer;
  writer.begin();
  writer.row(5);
  writer.int4(-7);
  writer.int8(1'000'000'000'007);
  writer.text("사용자");
  writer.timestamp(Timestamp{1'764'000'000'123});
  writer.timestamp(std::nullopt);
  CopyReader reader;
  const std::string message = writer.taken();
  const auto fields = reader.row(message);
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields[0].integer(), -7);
  EXPECT_EQ(fields[1].integer(), 1'000'000'000'007);
  EXPECT_EQ(fields[2].bytes(), "사용자");
  EXPECT_EQ(fields[3].timestamp(), Timestamp{1'764'000'000'123});
  EXPECT_TRUE(fields[4].is_null());
  EXPECT_EQ(writer.size(), 0U);
  writer.end();
  EXPECT_TRUE(reader.row(writer.taken()).empty());
}

TEST(Values, AnEmptyCopyHasOnlyHeaderAndTrailer) {
  CopyReader reader;
  EXPECT_TRUE(reader.row(copy_header() + "\xff\xff").empty());
}

}  // namespace
}  // namespace openrun::postgres
