#include "password.hpp"

#include <utility>

#include <openrun/base/secret_file.hpp>

namespace openrun::kafka {

FollowedPassword::FollowedPassword(std::string file, std::string known)
    : file_(std::move(file)), known_(std::move(known)) {}

std::optional<std::string> FollowedPassword::changed(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (now < next_look_) return std::nullopt;
  next_look_ = now + interval;
  auto found = read_secret(file_);
  if (!found || *found == known_) return std::nullopt;
  known_ = *found;
  return std::move(*found);
}

}  // namespace openrun::kafka
