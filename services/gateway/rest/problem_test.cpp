#include "gateway/rest/problem.hpp"

#include <string>

#include <gmock/gmock.h>

namespace openrun::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Problem, HasEveryMemberThatTheContractNames) {
  EXPECT_EQ(refusal(issuance::Outcome::sold_out).body,
            R"({"type":"urn:openrun:problem:sold-out","title":"The campaign is sold out","status":409,)"
            R"("detail":"All coupons of the campaign have been given.","code":"SOLD_OUT"})");
}

TEST(Problem, EveryRefusalHasATitleAndADetailOfItsOwn) {
  for (const issuance::Outcome outcome : issuance::all_outcomes) {
    const bool refuses_command = outcome >= issuance::Outcome::command_campaign_not_found;
    if (!issuance::is_request_refusal(outcome) && !refuses_command) continue;
    const std::string body = refusal(outcome).body;
    EXPECT_THAT(body, HasSubstr(std::string(R"("code":")") + issuance::to_string(outcome)));
    EXPECT_THAT(body, HasSubstr(R"("detail":")"));
    EXPECT_THAT(body, Not(HasSubstr("The request was refused"))) << "no words for this code";
  }
}

TEST(Problem, WhatIsMoreExactStandsInPlaceOfTheCodesOwnDetail) {
  const std::string body = not_found("There is no such receipt.").body;
  EXPECT_THAT(body, HasSubstr(R"("detail":"There is no such receipt.")"));
  EXPECT_THAT(body, Not(HasSubstr("nothing at this path")));
}

TEST(Problem, ACodeWithoutWordsStillHasADetail) {
  EXPECT_THAT(problem(409, "WRONG_RANGE", "").body, HasSubstr(R"("detail":"The code says why.")"));
}

}  // namespace
}  // namespace openrun::gateway
