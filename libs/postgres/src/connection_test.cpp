// What happens before anything is sent; the rest needs a server (_pgtest, tests/integration/test_secure_parts.py).
#include "connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::postgres {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Failure refused(const std::string& url, const std::string& password_file = {}) {
  Options options;
  options.url = url;
  options.password_file = password_file;
  Interrupt interrupt;
  auto opened = Connection::open(options, "test", interrupt);
  EXPECT_FALSE(opened);
  return opened ? Failure{} : opened.error();
}

TEST(OpeningAConnection, RepeatsNothingOfAStringThatLibpqCannotRead) {
  for (const char* url : {"postgresql://u:50%sesame@127.0.0.1:1/d", "host=127.0.0.1 port=1 password=open sesame",
                          "host=127.0.0.1 password='sesame"}) {
    const Failure failure = refused(url);
    EXPECT_EQ(failure.cause, Failure::Cause::unusable) << url;
    EXPECT_THAT(failure.message,
                AllOf(HasSubstr("postgres.url"), HasSubstr("postgres.password_file"), Not(HasSubstr("sesame"))));
    EXPECT_EQ(to_error(failure).kind, Error::Kind::invalid) << "asking again changes nothing";
  }
}

TEST(OpeningAConnection, SaysThatItsPasswordFileCannotBeRead) {
  const Failure failure = refused("postgresql://u@127.0.0.1:1/d", "/nowhere/password");
  EXPECT_EQ(failure.cause, Failure::Cause::unauthenticated);
  EXPECT_EQ(failure.message, "postgres.password_file names a file that cannot be read: /nowhere/password");
  EXPECT_EQ(to_error(failure).kind, Error::Kind::unavailable) << "it may be there again in a moment";
}

}  // namespace
}  // namespace openrun::postgres
