// What a look before an event finds. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace openrun::cli::check {

// ok: as it must be; look: somebody should, it may be meant so; wrong: the event would suffer.
enum class Verdict : std::uint8_t { ok, look, wrong };

// As people and programs read it.
[[nodiscard]] constexpr std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::look:
      return "look";
    case Verdict::wrong:
      break;
  }
  return "WRONG";
}

struct Finding {
  std::string part;   // postgres, kafka, partitions, partition 3, audits, gateway, campaign 7
  std::string check;  // what was looked at
  Verdict verdict = Verdict::ok;
  std::string text;  // what was found
  // A command that works as it is printed, or the document that says what to do; empty where all is ok.
  std::string fix = {};  // NOLINT(readability-redundant-member-init): may be left out
};
using Findings = std::vector<Finding>;

}  // namespace openrun::cli::check
