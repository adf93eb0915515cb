#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <openrun/base/address.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/base/secret_file.hpp>
#include <openrun/config/config.hpp>

#include "connection_string.hpp"
#include "environment.hpp"
#include "keys_table.hpp"
#include "mistakes.hpp"
#include "receivers.hpp"
#include "values.hpp"

namespace openrun::config {
namespace {

std::string full_name(const Key& key) {
  return std::string(key.section) + "." + std::string(key.name);
}

// For a parser of which only is asked whether there is a document.
struct Unheard final : YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Reads the file's tree into a Config. One object a load.
class FileReader {
 public:
  FileReader(std::string file, Config& config, Origins& origins, Mistakes& mistakes)
      : file_(std::move(file)), config_(config), origins_(origins), mistakes_(mistakes) {}

  void read() {
    YAML::Node root;
    bool has_more = false;
    try {
      root = YAML::LoadFile(file_);
      has_more = holds_two_documents();
    } catch (const YAML::BadFile&) {
      mistakes_.add("cannot read " + file_ + "; name an existing, readable file with --config", "");
      return;
    } catch (const YAML::Exception& error) {
      mistakes_.add("is not valid YAML: " + error.msg, at(error.mark));
      return;
    }
    if (has_more) mistakes_.add("holds more than one YAML document; keep one", file_);
    if (root.IsNull()) return;
    if (!root.IsMap()) {
      mistakes_.add("the file is not a map of sections; write `section:` and its keys below", at(root.Mark()));
      return;
    }
    for (const auto& section : root) read_section(section.first, section.second);
  }

 private:
  [[nodiscard]] std::string at(const YAML::Mark& mark) const {
    return mark.is_null() ? file_ : file_ + ":" + std::to_string(mark.line + 1);
  }

  // At most two are looked for: at text such as `,a` yaml-cpp 0.7 finds empty documents without end.
  bool holds_two_documents() {
    std::ifstream stream(file_);
    YAML::Parser parser(stream);
    Unheard nobody;
    return parser.HandleNextDocument(nobody) && parser.HandleNextDocument(nobody);
  }

  void read_section(const YAML::Node& title, const YAML::Node& body) {
    const std::string section = title.IsScalar() ? title.Scalar() : "";
    std::vector<std::string_view> sections;
    for (const Key& key : all_keys()) sections.push_back(key.section);
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      mistakes_.add("unknown section " + in_quotes(section) + suggestion(section, sections), at(title.Mark()));
      return;
    }
    if (!seen_.insert(section).second) {
      mistakes_.add("section " + section + " stands twice; keep one", at(title.Mark()));
    }
    if (body.IsNull()) return;  // all of its keys are commented out
    if (!body.IsMap()) {
      mistakes_.add(section + " is not a map; write its keys below it", at(title.Mark()));
      return;
    }
    for (const auto& entry : body) read_key(section, "", entry.first, entry.second);
  }

  // `group` is the map below the section in which the key stands, with its dot, or empty.
  void read_key(const std::string& section, const std::string& group, const YAML::Node& title,
                const YAML::Node& value) {
    const std::string name = group + (title.IsScalar() ? title.Scalar() : "");
    std::vector<std::string_view> names;
    for (const Key& key : all_keys()) {
      if (key.section != section) continue;
      names.push_back(key.name);
      if (key.name != name) continue;
      if (!seen_.insert(full_name(key)).second) {
        mistakes_.add(full_name(key) + " stands twice; keep one", at(title.Mark()));
        return;
      }
      origins_[full_name(key)] = at(title.Mark());
      read_value(key, value, at(title.Mark()));
      return;
    }
    const auto is_below = [&](std::string_view each) { return !name.empty() && each.starts_with(name + "."); };
    if (std::any_of(names.begin(), names.end(), is_below)) return read_map_of_keys(section, name, title, value);
    mistakes_.add("unknown key " + section + "." + name + suggestion(name, names), at(title.Mark()));
  }

  void read_map_of_keys(const std::string& section, const std::string& name, const YAML::Node& title,
                        const YAML::Node& value) {
    if (!seen_.insert(section + "." + name).second) {
      mistakes_.add(section + "." + name + " stands twice; keep one", at(title.Mark()));
    } else if (!value.IsNull() && !value.IsMap()) {
      mistakes_.add(section + "." + name + " is not a map; write its keys below it", at(title.Mark()));
    } else if (value.IsMap()) {
      for (const auto& entry : value) read_key(section, name + ".", entry.first, entry.second);
    }
  }

  void read_value(const Key& key, const YAML::Node& value, const std::string& where) {
    if (const auto* map = std::get_if<PassThroughMember>(&key.member))
      return read_map(key, (*map)(config_), value, where);
    if (const auto* list = std::get_if<AdminTokensMember>(&key.member)) {
      return read_tokens(key, (*list)(config_), value, where);
    }
    if (value.IsNull()) {
      mistakes_.add(full_name(key) + " has no value; give it one or remove the line", where);
    } else if (!value.IsScalar()) {
      mistakes_.add(full_name(key) + " is a " + (value.IsMap() ? "map" : "list") + "; give it a single value", where);
    } else if (const auto mistake = set_scalar(key, config_, value.Scalar())) {
      mistakes_.add(full_name(key) + " " + *mistake, where);
    }
  }

  void read_map(const Key& key, PassThrough& map, const YAML::Node& value, const std::string& where) {
    if (value.IsNull()) return;
    if (!value.IsMap())
      return mistakes_.add(full_name(key) + " is not a map; write `name: value` lines below it", where);
    for (const auto& entry : value) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (name.empty() || !entry.second.IsScalar()) {
        mistakes_.add(full_name(key) + "." + name + " is no single value; write `name: value`", at(entry.first.Mark()));
      } else if (!map.emplace(name, entry.second.Scalar()).second) {
        mistakes_.add(full_name(key) + "." + name + " stands twice; keep one", at(entry.first.Mark()));
      }
    }
  }

  void read_tokens(const Key& key, std::vector<AdminToken>& tokens, const YAML::Node& value, const std::string& where) {
    if (value.IsNull()) return;
    if (!value.IsSequence()) {
      return mistakes_.add(full_name(key) + " is not a list; write `- {name: ..., token_file: ...}` lines below it",
                           where);
    }
    for (const auto& entry : value) {
      const std::string line = at(entry.Mark());
      AdminToken token;
      const auto mistake = read_token(entry, token);
      if (mistake) {
        mistakes_.add(full_name(key) + " " + *mistake, line);
      } else if (const auto refused = add_admin_token(tokens, std::move(token))) {
        mistakes_.add(full_name(key) + " " + *refused, line);
      }
    }
  }

  std::optional<std::string> read_token(const YAML::Node& entry, AdminToken& token) {
    constexpr std::array<std::string_view, 3> names{"name", "token", "token_file"};
    if (!entry.IsMap()) return "has an entry that is not {name, token} or {name, token_file}";
    std::set<std::string> given;
    std::string token_file;
    for (const auto& part : entry) {
      const std::string name = part.first.IsScalar() ? part.first.Scalar() : "";
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return "has an entry with the unknown key " + in_quotes(name) + suggestion(name, names);
      }
      if (!part.second.IsScalar()) return "has an entry whose " + name + " is no single value";
      if (!given.insert(name).second) return "has an entry with " + name + " twice; keep one";
      (name == "name" ? token.name : name == "token" ? token.token : token_file) = part.second.Scalar();
    }
    if (given.contains("token") == given.contains("token_file")) {
      return "has an entry with " + std::string(given.contains("token") ? "both" : "neither") +
             " token and token_file; give one of them";
    }
    if (!given.contains("token_file")) return std::nullopt;
    std::ifstream stream(beside(file_, token_file));
    if (!std::getline(stream, token.token)) return "names a token_file that cannot be read: " + in_quotes(token_file);
    while (!token.token.empty() && (token.token.back() == '\r' || token.token.back() == ' ')) token.token.pop_back();
    return std::nullopt;
  }

  std::string file_;
  Config& config_;
  Origins& origins_;
  Mistakes& mistakes_;
  std::set<std::string> seen_;
};

// An origin as browsers write it: scheme, host in lower case, and perhaps a port; no path.
bool is_origin(std::string_view text) {
  if (text == "*") return true;
  std::string_view host = text;
  for (const std::string_view scheme : {std::string_view("https://"), std::string_view("http://")}) {
    if (!text.starts_with(scheme)) continue;
    host.remove_prefix(scheme.size());
    return !host.empty() &&
           host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == std::string_view::npos;
  }
  return false;
}

void check_origins(const Config& config, const Origins& origins, Mistakes& mistakes) {
  std::string_view rest = config.gateway.cors_origins;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view origin = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    while (origin.starts_with(' ')) origin.remove_prefix(1);
    while (origin.ends_with(' ')) origin.remove_suffix(1);
    if (is_origin(origin)) continue;
    const auto where = origins.find("gateway.cors.origins");
    mistakes.add("gateway.cors.origins holds " + in_quotes(origin) +
                     ", which is no origin; write them as https://shop.example, without a path, or *",
                 where == origins.end() ? "" : where->second);
  }
}

void check_tls(const Config& config, const Origins& origins, Mistakes& mistakes) {
  const bool has_certificate = !config.gateway.tls_certificate_file.empty();
  if (has_certificate == !config.gateway.tls_key_file.empty()) return;
  const std::string given = has_certificate ? "gateway.tls.certificate_file" : "gateway.tls.key_file";
  const std::string missing = has_certificate ? "gateway.tls.key_file" : "gateway.tls.certificate_file";
  const auto where = origins.find(given);
  mistakes.add(given + " stands alone; name " + missing + " too", where == origins.end() ? "" : where->second);
}

// A password has one source, and that can be read. The paths are whole here.
void check_passwords(const Config& config, const Origins& origins, Mistakes& mistakes) {
  const auto check = [&](const std::string& name, const std::string& file, const std::string& mistake) {
    if (file.empty()) return;
    const auto origin = origins.find(name);
    const std::string where = origin == origins.end() ? "" : origin->second;
    if (!mistake.empty()) mistakes.add(name + " is set, and " + mistake, where);
    if (const auto secret = read_secret(file); !secret) mistakes.add(name + " names " + secret.error().message, where);
  };
  if (!is_clear(config.postgres.url)) {
    const auto origin = origins.find("postgres.url");
    mistakes.add(
        "postgres.url is no clear connection string; write the special characters of the password as %XX, or "
        "put it into postgres.password_file",
        origin == origins.end() ? "" : origin->second);
  }
  const auto& librdkafka = config.kafka.librdkafka;
  check("kafka.sasl_password_file", config.kafka.sasl_password_file,
        librdkafka.contains("sasl.password")    ? "so is kafka.librdkafka.sasl.password; keep one"
        : !librdkafka.contains("sasl.username") ? "kafka.librdkafka.sasl.username is not; name the user"
                                                : "");
  check("postgres.password_file", config.postgres.password_file,
        holds_password(config.postgres.url) ? "postgres.url holds a password too; keep one" : "");
}

void check_together(const Config& config, const Origins& origins, Mistakes& mistakes) {
  const auto not_above = [&](const char* lower, std::int64_t low, const char* upper, std::int64_t high) {
    if (low <= high) return;
    const auto origin = origins.find(origins.contains(lower) ? lower : upper);
    mistakes.add(std::string(lower) + " is " + std::to_string(low) + ", above " + upper + " (" + std::to_string(high) +
                     "); choose at most that",
                 origin == origins.end() ? "" : origin->second);
  };
  not_above("issuer.retry_ms_min", config.issuer.retry_ms_min, "issuer.retry_ms_max", config.issuer.retry_ms_max);
  not_above("kafka.min_insync_replicas", config.kafka.min_insync_replicas, "kafka.replication_factor",
            config.kafka.replication_factor);
  if (!parse_networks(config.gateway.trusted_proxies)) {
    const auto origin = origins.find("gateway.trusted_proxies");
    mistakes.add("gateway.trusted_proxies is " + in_quotes(config.gateway.trusted_proxies) + "; write at most " +
                     std::to_string(networks_max) + " networks as 10.0.0.0/8,2001:db8::/32",
                 origin == origins.end() ? "" : origin->second);
  }
  if (config.gateway.auth_mode == "jwt" && config.gateway.jwt.jwks_file.empty()) {
    const auto origin = origins.find("auth.mode");
    mistakes.add("auth.mode is jwt, and auth.jwt.jwks_file is not set; name the file with the keys that verify tokens",
                 origin == origins.end() ? "" : origin->second);
  }
}

}  // namespace

std::string beside(const std::string& file, const std::string& path) {
  if (file.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (std::filesystem::absolute(file).parent_path() / path).lexically_normal().string();
}

Result<Config> load(const Source& source) {
  Config config;
  config.file = source.file;
  Mistakes mistakes;
  Origins origins;
  if (!source.file.empty()) FileReader(source.file, config, origins, mistakes).read();
  apply_environment(source.environment, config, origins, mistakes);
  apply_sentry(source.environment, config, mistakes);
  check_together(config, origins, mistakes);
  check_origins(config, origins, mistakes);
  check_traces(config, origins, mistakes);
  check_tls(config, origins, mistakes);
  for (const Key& key : all_keys()) {
    if (key.nature != Nature::path) continue;
    std::string& path = std::get<TextMember>(key.member)(config);
    if (!path.empty()) path = beside(source.file, path);
  }
  check_passwords(config, origins, mistakes);
  if (!mistakes.none()) return mistakes.failure();
  return config;
}

}  // namespace openrun::config
