#include "greeting.hpp"

#include <gtest/gtest.h>

namespace openrun::stream {
namespace {

std::string with_key(const std::string& start) {
  return start + "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
}

TEST(Invitations, AreReadAsTheyWereWritten) {
  for (const std::string& text : {with_key("1 192.0.2.1 9104 "), with_key("1 2001:db8::1 1 "),
                                  with_key("1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 ")}) {
    const auto invitation = read_invitation(text);
    ASSERT_TRUE(invitation.has_value()) << text;
    EXPECT_EQ(invitation->text(), text);
    EXPECT_LT(text.size(), 256U);
  }
  const auto invitation = read_invitation(with_key("1 192.0.2.1 9104 "));
  EXPECT_EQ(invitation->host, "192.0.2.1");
  EXPECT_EQ(invitation->port, 9104);
  EXPECT_EQ(invitation->key[1], 0x11);
}

TEST(Invitations, AreNothingElse) {
  const std::string zero(1, '\0');
  const std::string good = with_key("1 192.0.2.1 9104 ");
  const std::pair<const char*, std::string> table[] = {
      {"nothing", ""},
      {"a word", "1"},
      {"no key", "1 192.0.2.1 9104"},
      {"no key but its space", "1 192.0.2.1 9104 "},
      {"a later version", with_key("2 192.0.2.1 9104 ")},
      {"a version with a zero", with_key("01 192.0.2.1 9104 ")},
      {"a name", with_key("1 localhost 9104 ")},
      {"a name of a host", with_key("1 issuer-1.example 9104 ")},
      {"no host", with_key("1  9104 ")},
      {"a short form", with_key("1 127.1 9104 ")},
      {"a hexadecimal form", with_key("1 0x7f.0.0.1 9104 ")},
      {"a number as the host", with_key("1 2130706433 9104 ")},
      {"another way to write an address", with_key("1 2001:DB8::1 9104 ")},
      {"an address with an interface", with_key("1 fe80::1%lo 9104 ")},
      {"an address in brackets", with_key("1 [::1] 9104 ")},
      {"an address and zero", with_key("1 192.0.2.1" + zero + " 9104 ")},
      {"port 0", with_key("1 192.0.2.1 0 ")},
      {"port 70000", with_key("1 192.0.2.1 70000 ")},
      {"a negative port", with_key("1 192.0.2.1 -1 ")},
      {"a port with a sign", with_key("1 192.0.2.1 +9104 ")},
      {"a port with a zero", with_key("1 192.0.2.1 09104 ")},
      {"a port with a letter", with_key("1 192.0.2.1 9104x ")},
      {"a short key", good.substr(0, good.size() - 2)},
      {"half a byte", good.substr(0, good.size() - 1)},
      {"a long key", good + "00"},
      {"a key in upper case", "1 192.0.2.1 9104 " + std::string(64, 'A')},
      {"a key that is none", "1 192.0.2.1 9104 " + std::string(64, 'x')},
      {"trailing text", good + " more"},
      {"a trailing space", good + " "},
      {"a trailing line end", good + "\n"},
      {"a leading space", " " + good},
      {"two spaces", with_key("1 192.0.2.1  9104 ")},
      {"a tab", with_key("1\t192.0.2.1 9104 ")},
      {"a control character in the host", with_key("1 192.0.2.1\r 9104 ")},
      {"trailing zero", good + zero},
      {"10 kB", std::string(10'000, '1')},
      {"10 kB of spaces", std::string(10'000, ' ')},
      {"10 kB of a host", with_key("1 " + std::string(10'000, '1') + " 9104 ")},
      {"10 kB of a key", good + std::string(10'000, '0')},
  };
  for (const auto& [what, text] : table) EXPECT_FALSE(read_invitation(text).has_value()) << what;
}

class Greetings : public ::testing::Test {
 protected:
  const Invitation invitation_ = read_invitation(with_key("1 192.0.2.1 9104 ")).value();
  const Nonce nonce_ = random_nonce();
};

TEST_F(Greetings, GiveBothSidesOneKey) {
  const Answer made = answer(invitation_, nonce_);
  EXPECT_EQ(check_answer(invitation_, nonce_, made.bytes), made.session);
  EXPECT_NE(made.session, invitation_.key);
}

TEST_F(Greetings, GiveNoTwoConnectionsOneKey) {
  const Answer first = answer(invitation_, nonce_);
  EXPECT_NE(answer(invitation_, nonce_).session, first.session) << "the same nonce again";
  EXPECT_NE(random_nonce(), nonce_);
}

TEST_F(Greetings, RefuseWhoDoesNotKnowTheInvitation) {
  const Answer made = answer(invitation_, nonce_);
  for (std::size_t at = 0; at < made.bytes.size(); ++at) {
    auto changed = made.bytes;
    changed[at] ^= 1;
    EXPECT_FALSE(check_answer(invitation_, nonce_, changed).has_value()) << at;
  }
  EXPECT_FALSE(check_answer(invitation_, random_nonce(), made.bytes).has_value()) << "an answer to another greeting";
  Invitation other = invitation_;
  other.key[31] ^= 1;
  EXPECT_FALSE(check_answer(other, nonce_, made.bytes).has_value()) << "another key";
}

}  // namespace
}  // namespace openrun::stream
