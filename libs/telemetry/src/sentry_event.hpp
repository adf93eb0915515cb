// One line of the log as an event of Sentry, and the envelope around it. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <openrun/ports/log.hpp>

namespace openrun::telemetry {

// What is the same for all events of a process.
struct EventOrigin {
  std::string daemon;
  std::string instance;
  std::string host;
  std::string version;
};

struct Event {
  std::string id;    // 32 hexadecimal digits
  std::string json;  // one line
};

// `left_out`: how many lines of this message were not reported since the event before.
[[nodiscard]] Event make_event(const EventOrigin& origin, std::string id, std::int64_t now_ms, ports::LogLevel level,
                               std::string_view message, std::initializer_list<ports::LogField> fields,
                               std::uint64_t left_out);

[[nodiscard]] std::string envelope_of(const Event& event);

}  // namespace openrun::telemetry
