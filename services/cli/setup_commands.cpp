// migrate, topics, keys: what stands before the first campaign.
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <openrun/crypto/mac.hpp>

#include "cli/context.hpp"
#include "cli/front/views.hpp"

namespace openrun::cli {
namespace {

void migrate(Context& context) {
  const crypto::CouponCodes codes(context.keys().code_key);
  const auto steps = value_or_fail(postgres::migrate(context.postgres(), codes.fingerprint()));
  if (context.json) {
    std::string out;
    wire::JsonWriter writer(out);
    writer.begin_object().key("steps").begin_array();
    for (const std::string& step : steps) writer.string(step);
    writer.end_array().end_object();
    std::cout << out << "\n";
    return;
  }
  for (const std::string& step : steps) std::cout << "applied " << step << "\n";
  if (steps.empty()) std::cout << "the schema is up to date\n";
}

void print(Context& context, const std::vector<kafka::TopicFinding>& findings) {
  std::string out;
  wire::JsonWriter writer(out);
  writer.begin_array();
  for (const auto& finding : findings) {
    if (!finding.ok) context.exit_code = found_wrong;
    writer.begin_object()
        .key("topic")
        .string(finding.topic)
        .key("ok")
        .boolean(finding.ok)
        .key("text")
        .string(finding.whole())
        .end_object();
    if (!context.json)
      std::cout << toned(finding.ok ? "ok" : "WRONG", finding.ok ? Tone::good : Tone::bad, context.style)
                << (finding.ok ? "     " : "  ") << finding.topic << ": " << finding.whole() << "\n";
  }
  writer.end_array();
  if (context.json) std::cout << out << "\n";
}

// Written whole or not at all, readable by its owner only.
void write_secret(const std::string& path, const std::string& text, bool replace) {
  const std::string next = replace ? path + ".next" : path;
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    throw CommandFailed{found_wrong, next + " exists or cannot be written; a key file is never overwritten"};
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || (replace && std::rename(next.c_str(), path.c_str()) != 0)) {
    throw CommandFailed{found_wrong, path + " could not be written"};
  }
}

config::KeyFile::Receipt new_receipt_key(std::uint8_t id) {
  config::KeyFile::Receipt key{id, std::vector<std::uint8_t>(32)};
  crypto::random_bytes(key.key);
  return key;
}

struct KeyArguments {
  std::string file;
};

// The file that was named, or the one of the configuration.
std::string key_file(const Context& context, const KeyArguments& arguments) {
  return arguments.file.empty() ? context.config().keys.file : arguments.file;
}

config::KeyFile loaded_keys(const std::string& path) {
  auto loaded = config::load_keys(path);
  if (!loaded) throw CommandFailed{usage_error, loaded.error().message, "CONFIGURATION"};
  return std::move(*loaded);
}

// What may be told of keys: never the keys themselves.
void tell(const Context& context, const std::string& path, const config::KeyFile& keys, const std::string& text) {
  const std::string fingerprint = crypto::CouponCodes(keys.code_key).fingerprint();
  if (!context.json) {
    std::cout << text;
    return;
  }
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("file").string(path).key("code_key_fingerprint").string(fingerprint);
  json.key("receipt_keys").begin_array();
  for (const auto& key : keys.receipt_keys) json.number(key.id);
  json.end_array().key("signs").number(keys.receipt_keys.back().id).end_object();
  std::cout << out << "\n";
}

void keys_init(const Context& context, const KeyArguments& arguments) {
  const std::string path = key_file(context, arguments);
  config::KeyFile keys;
  keys.code_key.resize(32);
  keys.user_hash_key.resize(16);
  crypto::random_bytes(keys.code_key);
  crypto::random_bytes(keys.user_hash_key);
  keys.receipt_keys.push_back(new_receipt_key(1));
  write_secret(path, config::print_keys(keys), false);
  tell(context, path, keys,
       "wrote " + path + "; keep a copy of it: without the code key no coupon code can be read again\n");
}

void keys_rotate(const Context& context, const KeyArguments& arguments) {
  constexpr std::size_t receipt_keys_max = 8;
  const std::string path = key_file(context, arguments);
  config::KeyFile keys = loaded_keys(path);
  const auto id = static_cast<std::uint8_t>(keys.receipt_keys.back().id % 255 + 1);
  keys.receipt_keys.push_back(new_receipt_key(id));
  while (keys.receipt_keys.size() > receipt_keys_max) keys.receipt_keys.erase(keys.receipt_keys.begin());
  write_secret(path, config::print_keys(keys), true);
  tell(context, path, keys,
       "receipt key " + std::to_string(id) + " signs once the gateways have been restarted; older ones still verify\n");
}

void keys_show(const Context& context, const KeyArguments& arguments) {
  const std::string path = key_file(context, arguments);
  const config::KeyFile keys = loaded_keys(path);
  std::string verify;
  for (const auto& key : keys.receipt_keys) verify += (verify.empty() ? "" : ", ") + std::to_string(key.id);
  tell(context, path, keys,
       field_list("key file " + path,
                  {{"code key", crypto::CouponCodes(keys.code_key).fingerprint()},
                   {"receipt keys", verify},
                   {"signs", std::to_string(keys.receipt_keys.back().id)}},
                  context.style));
}

}  // namespace

void add_setup_commands(CLI::App& app, Context& context) {
  constexpr const char* group = "Setting up and trying";
  auto* keys = app.add_subcommand("keys", "Make, rotate and look at the key file")->require_subcommand(1)->group(group);
  auto arguments = std::make_shared<KeyArguments>();
  const auto add_key_command = [&](const char* name, const char* text, auto run) {
    auto* command = keys->add_subcommand(name, text)->group("Commands");
    command->add_option("--file", arguments->file, "The key file (default: keys.file of the configuration)")
        ->type_name("FILE");
    on_run(*command, context, [&context, arguments, run] { run(context, *arguments); });
  };
  add_key_command("init", "Make a new key file with a code key, a user hash key and a receipt key", keys_init);
  add_key_command("rotate", "Add a receipt key, which signs from the next start of the gateways on", keys_rotate);
  add_key_command("show", "Show which keys there are, and the code key's fingerprint; never a key itself", keys_show);

  auto* migrated = app.add_subcommand("migrate", "Bring the schema in Postgres up to date")->group(group);
  on_run(*migrated, context, [&context] { migrate(context); });

  auto* topics =
      app.add_subcommand("topics", "Create and check the three topics in Kafka")->require_subcommand(1)->group(group);
  const auto add_topic_command = [&](const char* name, const char* text, auto work) {
    auto* command = topics->add_subcommand(name, text)->group("Commands");
    on_run(*command, context, [&context, work] {
      print(context,
            value_or_fail(work(context.kafka(), topic_settings(context.config().kafka), std::chrono::seconds(30))));
    });
  };
  add_topic_command("create", "Create what is missing, and add partitions", kafka::create_topics);
  add_topic_command("check", "Check every setting that openrun relies on", kafka::check_topics);
}

}  // namespace openrun::cli
