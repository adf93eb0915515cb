#include "connection_string.hpp"

#include <array>

#include <gtest/gtest.h>

namespace openrun::config {
namespace {

struct Row {
  const char* url;
  const char* shown;
  bool has_password;
};

TEST(ConnectionString, ShowsEverythingButItsPasswords) {
  constexpr std::array rows{
      Row{"postgresql://u@h:5432/d", "postgresql://u@h:5432/d", false},
      Row{"postgresql://h/d?user=a@b", "postgresql://h/d?user=a@b", false},
      Row{"postgresql://u:secret@h/d", "postgresql://u:(set)@h/d", true},
      Row{"postgres://u:secret@h1:1,h2:2/d", "postgres://u:(set)@h1:1,h2:2/d", true},
      Row{"postgresql://u:sec?ret@h/d", "postgresql://u:(set)@h/d", true},
      Row{"postgresql://u@h/d?password=secret&sslmode=require", "postgresql://u@h/d?password=(set)&sslmode=require",
          true},
      Row{"postgresql://u@h/d?pass%77ord=secret", "postgresql://u@h/d?pass%77ord=(set)", true},
      Row{"postgresql://u@h/d?sslkey=k&sslpassword=secret", "postgresql://u@h/d?sslkey=k&sslpassword=(set)", false},
      Row{"host=h user=u password=secret dbname=d", "host=h user=u password=(set) dbname=d", true},
      Row{"host=h password = secret dbname=d", "host=h password=(set) dbname=d", true},
      Row{"host=h password='sec \\' ret' dbname=d", "host=h password=(set) dbname=d", true},
      Row{"host=h password=sec\\ ret dbname=d", "host=h password=(set) dbname=d", true},
      Row{"host=h passfile=/p sslpassword=secret", "host=h passfile=/p sslpassword=(set)", false},
      Row{"openrun", "openrun", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(without_passwords(row.url), row.shown) << row.url;
    EXPECT_EQ(holds_password(row.url), row.has_password) << row.url;
    EXPECT_TRUE(is_clear(row.url)) << row.url;
  }
}

TEST(ConnectionString, ThatIsNotClearIsNotShownAtAll) {
  for (const char* url : {"postgresql://u:sec/ret@h/d", "postgresql://u:sec@ret@h/d",
                          "host=h password=sec ret dbname=d", "host=h password='secret", "u:secret@h", "secret word"}) {
    EXPECT_EQ(without_passwords(url), "(set)") << url;
    EXPECT_FALSE(is_clear(url)) << url;
  }
}

}  // namespace
}  // namespace openrun::config
