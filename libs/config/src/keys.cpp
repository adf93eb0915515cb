#include <set>

#include <yaml-cpp/yaml.h>

#include <openrun/config/config.hpp>

#include "mistakes.hpp"
#include "values.hpp"

namespace openrun::config {
namespace {

constexpr std::size_t code_key_bytes = 32;
constexpr std::size_t user_hash_key_bytes = 16;
constexpr std::size_t receipt_key_bytes = 32;

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) out.append({digits[byte >> 4], digits[byte & 15]});
  return out;
}

// Reads one key file. Its messages never show what stands in the file.
class KeyFileReader {
 public:
  KeyFileReader(std::string file, Mistakes& mistakes) : file_(std::move(file)), mistakes_(mistakes) {}

  void read(KeyFile& keys) {
    YAML::Node root;
    try {
      root = YAML::LoadFile(file_);
    } catch (const YAML::BadFile&) {
      return mistakes_.add(
          "cannot read the key file " + file_ + "; make one with `openrun keys init`, or set keys.file", "");
    } catch (const YAML::Exception& error) {
      return mistakes_.add("the key file is not valid YAML", at(error.mark));
    }
    if (!root.IsMap())
      return mistakes_.add("the key file is empty or no map; make one with `openrun keys init`", file_);
    std::set<std::string> seen;
    for (const auto& entry : root) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (!seen.insert(name).second) mistakes_.add(name + " stands twice; keep one", at(entry.first.Mark()));
      if (name == "code_key") {
        read_bytes(name, entry.second, code_key_bytes, keys.code_key);
      } else if (name == "user_hash_key") {
        read_bytes(name, entry.second, user_hash_key_bytes, keys.user_hash_key);
      } else if (name == "receipt_keys") {
        read_receipts(entry.second, keys.receipt_keys);
      } else {
        mistakes_.add("unknown key " + in_quotes(name) + "; known are code_key, user_hash_key and receipt_keys",
                      at(entry.first.Mark()));
      }
    }
    for (const char* name : {"code_key", "user_hash_key", "receipt_keys"}) {
      if (!seen.contains(name))
        mistakes_.add(std::string(name) + " is missing; make the file with `openrun keys init`", file_);
    }
  }

 private:
  [[nodiscard]] std::string at(const YAML::Mark& mark) const {
    return mark.is_null() ? file_ : file_ + ":" + std::to_string(mark.line + 1);
  }

  void read_bytes(const std::string& name, const YAML::Node& node, std::size_t length,
                  std::vector<std::uint8_t>& bytes) {
    const std::string text = node.IsScalar() ? node.Scalar() : "";
    bytes.clear();
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
      const int high = hex_digit(text[i]);
      const int low = hex_digit(text[i + 1]);
      if (high < 0 || low < 0) break;
      bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    if (text.size() == 2 * length && bytes.size() == length) return;
    mistakes_.add(name + " is not " + std::to_string(2 * length) + " hexadecimal digits (" + std::to_string(length) +
                      " bytes); make it with `openrun keys init`",
                  at(node.Mark()));
  }

  void read_receipts(const YAML::Node& list, std::vector<KeyFile::Receipt>& receipts) {
    if (!list.IsSequence() || list.size() == 0) {
      return mistakes_.add("receipt_keys is not a list of {id, key}; make it with `openrun keys init`",
                           at(list.Mark()));
    }
    std::set<int> ids;
    for (const auto& entry : list) {
      KeyFile::Receipt receipt;
      if (!entry.IsMap() || entry.size() != 2 || !entry["id"] || !entry["key"]) {
        mistakes_.add("receipt_keys has an entry that is not {id, key}", at(entry.Mark()));
        continue;
      }
      const int id = entry["id"].as<int>(-1);
      if (id < 0 || id > 255) {
        mistakes_.add("receipt_keys has an id that is no number from 0 to 255", at(entry.Mark()));
      } else if (!ids.insert(id).second) {
        mistakes_.add("receipt_keys has the id " + std::to_string(id) + " twice; give each key an id of its own",
                      at(entry.Mark()));
      }
      receipt.id = static_cast<std::uint8_t>(id);
      read_bytes("a key of receipt_keys", entry["key"], receipt_key_bytes, receipt.key);
      receipts.push_back(std::move(receipt));
    }
  }

  std::string file_;
  Mistakes& mistakes_;
};

}  // namespace

Result<KeyFile> load_keys(const std::string& file) {
  KeyFile keys;
  Mistakes mistakes;
  KeyFileReader(file, mistakes).read(keys);
  if (!mistakes.none()) return mistakes.failure();
  return keys;
}

std::string print_keys(const KeyFile& keys) {
  std::string out =
      "# Keep this file secret and backed up: another code_key would break the uniqueness of coupon codes.\n";
  out += "code_key: \"" + hex(keys.code_key) + "\"\n";
  out += "user_hash_key: \"" + hex(keys.user_hash_key) + "\"\n";
  out += "# Oldest first; all verify, the last one signs.\nreceipt_keys:\n";
  for (const KeyFile::Receipt& receipt : keys.receipt_keys) {
    out += "  - {id: " + std::to_string(receipt.id) + ", key: \"" + hex(receipt.key) + "\"}\n";
  }
  return out;
}

}  // namespace openrun::config
