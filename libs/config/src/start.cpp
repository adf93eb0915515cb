#include <cstdio>
#include <string_view>

#include <openrun/config/config.hpp>

namespace openrun::config {
namespace {

constexpr int exit_done = 0;
constexpr int exit_usage = 2;

struct CommandLine {
  std::string file;
  bool check = false;
  bool print = false;
  bool version = false;
  bool help = false;
  std::string mistake;
};

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--config" || argument.starts_with("--config=")) {
      if (argument == "--config" && i + 1 >= argc) {
        line.mistake = "--config needs a file";
        return line;
      }
      line.file =
          argument == "--config" ? argv[++i] : std::string(argument.substr(std::string_view("--config=").size()));
      if (line.file.empty()) line.mistake = "--config needs a file";
    } else if (argument == "--check-config") {
      line.check = true;
    } else if (argument == "--print-config") {
      line.print = true;
    } else if (argument == "--version") {
      line.version = true;
    } else if (argument == "--help" || argument == "-h") {
      line.help = true;
    } else {
      line.mistake = "unknown argument " + std::string(argument);
      return line;
    }
  }
  return line;
}

std::string usage(const std::string& program) {
  return "usage: " + program +
         " [--config FILE] [--check-config | --print-config | --version | --help]\n"
         "\n"
         "  --config FILE    the configuration; without it the file that OPENRUN_CONFIG names, else the defaults\n"
         "  --check-config   check the configuration and exit: 0 good, 2 bad\n"
         "  --print-config   print every key with its value and exit; secrets are not shown\n"
         "  --version        print the version and exit\n"
         "\n"
         "Every key can be overridden from the environment: OPENRUN_<SECTION>__<KEY>, as in "
         "OPENRUN_GATEWAY__PORT=8081.\n";
}

}  // namespace

std::optional<int> start(int argc, char** argv, const char* daemon, const char* version, Config& config) {
  const std::string program =
      std::string_view(daemon).starts_with("openrun") ? daemon : "openrun-" + std::string(daemon);
  CommandLine line = parse(argc, argv);
  if (!line.mistake.empty()) {
    std::fprintf(stderr, "%s: %s\n%s", program.c_str(), line.mistake.c_str(), usage(program).c_str());
    return exit_usage;
  }
  if (line.help) {
    std::fputs(usage(program).c_str(), stdout);
    return exit_done;
  }
  if (line.version) {
    std::printf("%s %s\n", program.c_str(), version);
    return exit_done;
  }
  Source source{line.file, process_environment()};
  if (source.file.empty()) {
    const auto named = source.environment.find("OPENRUN_CONFIG");
    if (named != source.environment.end()) source.file = named->second;
  }
  Result<Config> loaded = load(source);
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return exit_usage;
  }
  if (line.print) {
    std::fputs(print(*loaded).c_str(), stdout);
    return exit_done;
  }
  if (line.check) {
    std::printf("%s: the configuration is good\n", source.file.empty() ? "defaults" : source.file.c_str());
    return exit_done;
  }
  config = std::move(*loaded);
  return std::nullopt;
}

}  // namespace openrun::config
