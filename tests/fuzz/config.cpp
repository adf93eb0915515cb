// Configuration and key files. An input is up to three parts between lines of `%%`: the YAML file, environment
// variables as NAME=value lines, and a key file. Every mistake names its place; what is printed can be loaded again.
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include <openrun/config/config.hpp>

#include "fuzz.hpp"

namespace openrun::fuzz {
namespace {

// A folder of this process for the files that the loader wants; it goes with the process.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("openrun-fuzz-config-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
    write("token", "0123456789abcdef0123456789abcdef\n");
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }
  std::string write(const char* name, std::string_view text) const {
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

const Folder& folder() {
  static const Folder made;
  return made;
}

// A token file may be any file of the machine: only such as this folder holds.
bool may_read_elsewhere(std::string_view yaml) {
  return yaml.find("token_file") != std::string_view::npos && yaml.find_first_of("/\\") != std::string_view::npos;
}

std::map<std::string, std::string> environment_of(std::string_view text) {
  std::map<std::string, std::string> environment;
  while (!text.empty()) {
    std::string_view line = next_part(text, "\n");
    const std::string_view name = next_part(line, "=");
    // What no environment can hold.
    if (name.empty() || name.find('\0') != std::string_view::npos || line.find('\0') != std::string_view::npos)
      continue;
    environment.emplace(name, line);
  }
  return environment;
}

void check_mistakes(const Error& error, const std::string& file) {
  require(error.kind == Error::Kind::invalid, "a bad configuration is the operator's mistake", error.message);
  std::string_view rest = error.message;
  do {
    const std::string_view line = next_part(rest, "\n");
    const bool has_place = line.find(file) != std::string_view::npos ||
                           line.find("environment") != std::string_view::npos ||
                           line.find("retry_ms_min") != std::string_view::npos ||
                           line.find("min_insync_replicas") != std::string_view::npos;
    require(has_place, "every mistake names its place", line);
    for (const char c : line) {
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a mistake is told in plain text", line);
    }
  } while (!rest.empty());
}

void check_config(std::string_view yaml, std::string_view environment) {
  const std::string file = folder().write("openrun.yaml", yaml);
  const auto loaded = config::load({file, environment_of(environment)});
  if (!loaded) return check_mistakes(loaded.error(), file);
  const std::string printed = config::print(*loaded);
  for (const auto& token : loaded->gateway.admin_tokens) {
    // A short token may stand there by chance.
    if (token.token.size() < 24) continue;
    require(printed.find("token: \"" + token.token) == std::string::npos, "no secret is printed", printed);
  }
  const auto again = config::load({folder().write("printed.yaml", printed), {}});
  if (!loaded->gateway.admin_tokens.empty()) return;  // their secrets are not printed
  require(again.has_value(), "what is printed can be loaded", again ? "" : again.error().message);
  require(config::print(*again) == printed, "what is printed is what was loaded", printed);
}

void check_keys(std::string_view yaml) {
  const std::string file = folder().write("keys.yaml", yaml);
  const auto loaded = config::load_keys(file);
  if (!loaded) return check_mistakes(loaded.error(), file);
  require(loaded->code_key.size() == 32 && loaded->user_hash_key.size() == 16 && !loaded->receipt_keys.empty(),
          "keys have their lengths");
  for (const auto& receipt : loaded->receipt_keys) require(receipt.key.size() == 32, "keys have their lengths");
  const std::string printed = config::print_keys(*loaded);
  const auto again = config::load_keys(folder().write("printed-keys.yaml", printed));
  require(again.has_value() && config::print_keys(*again) == printed, "printed keys are the same keys");
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  std::string_view text = text_of(data, size);
  if (may_read_elsewhere(text)) return 0;
  const std::string_view yaml = next_part(text, "%%\n");
  const std::string_view environment = next_part(text, "%%\n");
  check_config(yaml, environment);
  if (!text.empty()) check_keys(text);
  return 0;
}
