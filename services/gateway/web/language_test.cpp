#include "gateway/web/language.hpp"

#include <string>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

TEST(Language, IsTheOneThatTheBrowserPrefers) {
  struct Case {
    const char* accept_language;
    const char* language;
  };
  constexpr Case cases[] = {
      {"ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"},
      {"en-US,en;q=0.9,ko;q=0.8", "en"},
      {"en;q=0.5 , KO;q=0.8", "ko"},
      {"ko", "ko"},
      {"ja,ko;q=0.1", "ko"},
      {"en,ko", "en"},
      {"ko,en", "ko"},
      {"fr,ko;q=0.000", "en"},
      {"fr-CA, *;q=0.5", "en"},
      {"", "en"},
  };
  for (const Case& one : cases) EXPECT_EQ(preferred_language(one.accept_language), one.language) << one.accept_language;
}

TEST(Language, WhatCannotBeReadIsPassedOver) {
  for (const char* text : {"ko;q=2", "ko;q=1.5", "ko;q=-1", "ko;q=0.5555", "ko;q=", "ko;q", "ko;v=1", "kok", "k",
                           "ko_KR", ";;;", ",,,", "=;=,", "ko;q=x"}) {
    EXPECT_EQ(preferred_language(text), "en") << text;
  }
  EXPECT_EQ(preferred_language(std::string(8'000, ',') + "ko"), "ko");
}

}  // namespace
}  // namespace openrun::gateway
