// Failures that a caller must handle are values. Exceptions end inside the adapter that wraps a throwing library.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace openrun {

// What an operation can fail with. `message` is for an operator: it says what happened and, where there is one, the way
// to fix it; it never reaches an HTTP client.
struct Error {
  enum class Kind {
    invalid,      // the caller's input is wrong; trying again is useless
    not_found,    // the named thing does not exist
    unavailable,  // the other side cannot be reached or does not answer in time; trying again may help
    overloaded,   // a bound was reached; trying again later helps
    conflict,     // somebody else changed it first
    internal,     // anything else
  };
  Kind kind = Kind::internal;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error::Kind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

}  // namespace openrun
