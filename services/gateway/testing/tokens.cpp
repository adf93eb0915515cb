#include "gateway/testing/tokens.hpp"

#include <cstdint>
#include <span>
#include <vector>

#include <openrun/crypto/mac.hpp>

namespace openrun::gateway::testing {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string token(std::string_view header, std::string_view payload, std::string_view secret) {
  std::string text = crypto::base64url(bytes_of(header)) + "." + crypto::base64url(bytes_of(payload));
  return text + "." + crypto::base64url(crypto::hmac_sha256(bytes_of(secret), bytes_of(text)));
}

std::string token_of(std::string_view user, std::string_view key) {
  return token(R"({"alg":"HS256","kid":")" + std::string(key) + R"("})",
               R"({"sub":")" + std::string(user) + R"(","exp":4102444800})");
}

std::string key_set_of(std::string_view keys) {
  return R"({"keys":[)" + std::string(keys) + "]}";
}

std::string hmac_key(std::string_view id, std::string_view secret) {
  return R"({"kty":"oct","kid":")" + std::string(id) + R"(","alg":"HS256","k":")" +
         crypto::base64url(bytes_of(secret)) + R"("})";
}

const char* const rsa_modulus =
    "pKBZUQJe3mrW2iL1QV3Y7OCvd3fYbKrw8DtbLYZNXGDLB84oVuErRlLXkin7yZlw6yb7QAudn-JaHb6StroGzbpnKmV241XlC5XY"
    "pyLMP22xDfW6Vy8QTPfCMN9oi8CkrKIbPyaYpvkILdNZppcidndAbVPWJTx8uYX4ZyXRU2sjVGfbhGW_0iExj7WtJf8ZhmlEU7Vb"
    "KcdtyhkdnC7HE8CP3tT68aAkhSfTS22HwNXfQSgsZ1nViHvWdvWi3057oWGvmURBOP4PMKy1mMVv7rIiwSZ8T6gcAnMiTNRwpLRY"
    "e4Dp4Vwv2uDeVmR8ktVuPvYnr3UTeP9-MDEhRSJehQ";
const char* const rsa_public_pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApKBZUQJe3mrW2iL1QV3Y\n"
    "7OCvd3fYbKrw8DtbLYZNXGDLB84oVuErRlLXkin7yZlw6yb7QAudn+JaHb6StroG\n"
    "zbpnKmV241XlC5XYpyLMP22xDfW6Vy8QTPfCMN9oi8CkrKIbPyaYpvkILdNZppci\n"
    "dndAbVPWJTx8uYX4ZyXRU2sjVGfbhGW/0iExj7WtJf8ZhmlEU7VbKcdtyhkdnC7H\n"
    "E8CP3tT68aAkhSfTS22HwNXfQSgsZ1nViHvWdvWi3057oWGvmURBOP4PMKy1mMVv\n"
    "7rIiwSZ8T6gcAnMiTNRwpLRYe4Dp4Vwv2uDeVmR8ktVuPvYnr3UTeP9+MDEhRSJe\n"
    "hQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
const std::string rsa_key =
    std::string(R"({"kty":"RSA","kid":"rsa-1","use":"sig","e":"AQAB","n":")") + rsa_modulus + R"("})";
const std::string ec_key =
    R"({"kty":"EC","crv":"P-256","kid":"ec-1","key_ops":["verify"],"x":"sAGnLSSL6urfacJ7sdNmsF_tVXshKbtiC9J7n6rRlPw","y":"D0QuzZbSDoOnA8PPUH2OCaCDrAOgrD7t_ggPu05Fqs0"})";
const char* const rs256_token =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIn0.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.MfS4HZ1ZfwRB5d2Oz"
    "GvqMV5NsCv18SQisFmaSJEoIoWpy1HkTx2P-ooajkqu2KhKoewhzfxj8VtkI2JfqxJZpoT_NxQksJ9o-DBfAUWf7BveGKSVfsZaB"
    "O1EpH-fgYJgdg-l6fcindIUbJG8aFoWVDcW1PMDPTLRgdlNrFIaFIp3IiKXw7PH73NT_MM0EHW0tddpOI7OnZOEOD39Hkn13Q0-3"
    "zHeKGEZyZqaWwmhB3kOgLz3xCer3XV3v660BvR3JEFzlvy2KtufyffyypFcYr4fkUvljuf0UXni1C1F9MAsCoR4XldSs_pLqil4K"
    "C8EpeaKjYoMbeW-9pzVxokebA";
const char* const rs256_token_without_kid =
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.oyaWQUQ8BZqy_M-nqGpKE4NoSU8v2ChYiEwb"
    "029Dq1lhBwy3cMeQ3YD9KhL1VAX3A0RzjSTBAUTuxwrQTB71CoDCQPbyy-g8qITAv62DO7t5daeRR-VoL1cL86CrJmq9E9oHQhg6"
    "NCCg0jFoyyv9hvHNXA6Jzy5SwBdjdLJBTVqRLoKMbUYRozUx2OWRuxLDLd5ZGd3ImaUser7CrrJ9UNsQyJHdWBvlOZuz8aGpOSmJ"
    "DjeSaXNFPBvvxx-1469cwD5-0Nc9VzEUMkqM8Ko2ld79SmrbM1GnX7b4b_VNSnQP27u5-bQ3fHbbShitRfIIZyReAdTb3-qQzoSH"
    "JfymXQ";
const char* const rs256_token_of_a_stranger =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIn0.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.M1wviIT6eZ3PiybR6"
    "yPD9bxTWEZpgde6MBfz7o9-e3_DJdWo9YpBZEFB06nCkbCQ5L_ES9jkinVVegYyjOkfz2Xc4SrdWEwMkVEA2B13IRsm1MiWSUS98"
    "ZBiTOwCduFkdogVH-AxAsuGvJ6P6WPj-wC-U42scYTSYKO1eoPxhPwgIoQ2RxftP_xvTD1pA_oFothcO7ObnRZdEy6HUIlxRm3_6"
    "48oAOLKjVM08yGYus6PKjUe40s4WPu-pBei-pcJS0ihw6q1kzLh152HtrT6FxaP1bN9oPptUHDEw3qXlTLINFYLpAWDmYQqXNMBZ"
    "irH3S32k2wP65JjSAWc7NaQKg";
const char* const rs256_token_with_its_own_key =
    "eyJhbGciOiJSUzI1NiIsImp3ayI6eyJrdHkiOiJSU0EiLCJuIjoiems2ZWZiam5DX2dqWTZFZlRKZ1F6SFJNeVdUQkZJMEpzNXNN"
    "dy1jLUt5VWZ2Y2trOGxBZFN5V2xPelh6alZfeHkzMEx3ZEdTckxtM1A0bXJKTVloS0JXZjhJVFlLRTk4MmJodDRGR0JfWHJfY1VR"
    "SWRKbzdCLVIyZ3A3TFhLbnc4VDQ1anpQMHd1MXVTeTBpSVlmb2JPMzdlU1Nrb0toellkWnpzcGRuZ1VjNHJkeTdLSm9kb1VDU1kx"
    "N0lDM2RWZDlUWGZWb3dnNGFGRTlaZ2dCdWZNTHk2eDh5UVlRR3JBUDdJSF9ReVowMnN2eGdkbG9GdmI1b1NSdXgxZzNqRGlzTDcz"
    "T3ZETGdGVkZMTjJnV3IzTklUSVN4UzJMSk5PS09QVHJKZ2FtaVFoTzZuRnVkV3lRbk95STlleUpFanpIUlBSQkRYeEcwWnYtcGZR"
    "MXZhSHF3IiwiZSI6IkFRQUIiLCJhbGciOiJSUzI1NiJ9fQ.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.fpQhS0EHXg"
    "hwHVvhdQJEhhrHJpmOD6-zZk7cZiIaXfMDcuYIUQcUG5NCpxIbaCwfjsutkPKskCsI5oq47GLyB_FVFKymENBCbd6v3MC-q2kyyi"
    "7ER904NLV950xCOhaOE05IyoaDcY7ZWmTK4oxaCMKujxv-Sn2SqW87wPOyZ522devslLHYlL7b30FZntxMmcgyczF9f9bFG2YWT5"
    "zp-JDLw64wz6A-0TdA4ca7KEJfZ9ninjV1dvoBJMBDF5S7g9xN2A-zDcRc6CAvNaGe1tTwNoaZbB7NK-IpTrpxFnXZ2SRZowqkf4"
    "0XVsbwVLK6vi5nHMHXyV-o8dDiSBZSIw";
const char* const es256_token =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.flBpcGpIPWf8Xi9pbK"
    "H95DTS8vwnh8hWfHix1xW8lbunUcItH9lRvUmqstzxW_pmx8qjY9H43JQ5gp-nHfYshA";
const char* const es256_token_without_kid =
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.V6woYT2fcrGAwVB3BOeMSIwTfX6T2P35gLc1"
    "Y-2cqp4lGa1--yGFZuT_jW-4OoU9_d0T5oA0d3HgZJF50Anibw";
const char* const es256_token_in_der =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJzdWIiOiJtaW5hIiwiZXhwIjo0MTAyNDQ0ODAwfQ.MEUCIQCC5OV6XmylJ1"
    "6ACiNXhKW4M89ydLUUae1hYMFM4-Q5IAIgbrify6au0naJrFsIu9ZishGCryecnSlM_u9VwBhuwVI";

}  // namespace openrun::gateway::testing
