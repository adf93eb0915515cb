// migrate, topics, keys: what stands before the first campaign.
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <openrun/crypto/mac.hpp>

#include "cli/context.hpp"

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

kafka::TopicSettings topic_settings(const Context& context) {
  const config::Kafka settings = context.config().kafka;
  return {settings.partitions, settings.replication_factor, settings.min_insync_replicas,
          settings.retention_hours * 3'600'000, settings.production};
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
        .string(finding.text)
        .end_object();
    if (!context.json)
      std::cout << (finding.ok ? "ok     " : "WRONG  ") << finding.topic << ": " << finding.text << "\n";
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

void keys_init(const std::string& path) {
  config::KeyFile keys;
  keys.code_key.resize(32);
  keys.user_hash_key.resize(16);
  crypto::random_bytes(keys.code_key);
  crypto::random_bytes(keys.user_hash_key);
  keys.receipt_keys.push_back(new_receipt_key(1));
  write_secret(path, config::print_keys(keys), false);
  std::cout << "wrote " << path << "; keep a copy of it: without the code key no coupon code can be read again\n";
}

void keys_rotate(const std::string& path) {
  constexpr std::size_t receipt_keys_max = 8;
  config::KeyFile keys = value_or_fail(config::load_keys(path));
  const auto id = static_cast<std::uint8_t>(keys.receipt_keys.back().id % 255 + 1);
  keys.receipt_keys.push_back(new_receipt_key(id));
  while (keys.receipt_keys.size() > receipt_keys_max) keys.receipt_keys.erase(keys.receipt_keys.begin());
  write_secret(path, config::print_keys(keys), true);
  std::cout << "receipt key " << static_cast<int>(id)
            << " signs once the gateways have been restarted; older ones still verify\n";
}

}  // namespace

void add_setup_commands(CLI::App& app, Context& context) {
  app.add_subcommand("migrate", "Bring the schema in Postgres up to date")->callback([&] { migrate(context); });

  auto* topics = app.add_subcommand("topics", "The three topics in Kafka")->require_subcommand(1);
  topics->add_subcommand("create", "Create what is missing; add partitions")->callback([&] {
    print(context,
          value_or_fail(kafka::create_topics(context.kafka(), topic_settings(context), std::chrono::seconds(30))));
  });
  topics->add_subcommand("check", "Check every setting that openrun relies on")->callback([&] {
    print(context,
          value_or_fail(kafka::check_topics(context.kafka(), topic_settings(context), std::chrono::seconds(30))));
  });

  auto* keys = app.add_subcommand("keys", "The key file: code key, user hash key, receipt keys")->require_subcommand(1);
  auto path = std::make_shared<std::string>();
  auto* init = keys->add_subcommand("init", "Make a new key file");
  init->add_option("--file", *path, "Where to write it")->required();
  init->callback([path] { keys_init(*path); });
  auto* rotate =
      keys->add_subcommand("rotate", "Add a receipt key, which signs from the next start of the gateways on");
  rotate->add_option("--file", *path, "The key file")->required();
  rotate->callback([path] { keys_rotate(*path); });
}

}  // namespace openrun::cli
