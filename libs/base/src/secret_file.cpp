#include <algorithm>
#include <fstream>

#include <openrun/base/secret_file.hpp>

namespace openrun {

Result<std::string> read_secret(const std::string& file) {
  const auto wrong = [&file](const char* what) { return fail(Error::Kind::invalid, what + (": " + file)); };
  std::ifstream stream(file, std::ios::binary);
  // One byte more than may stand there, so that what is too long is not merely cut.
  std::string text(secret_bytes_max + 2, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad()) return wrong("a file that cannot be read");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return wrong("a file whose first line is empty");
  if (text.size() > secret_bytes_max) return wrong("a file whose first line is longer than 1024 bytes");
  if (text.find('\0') != std::string::npos) return wrong("a file that is no text");
  return text;
}

}  // namespace openrun
