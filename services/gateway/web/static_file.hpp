// Documents and files that the gateway carries in itself, as a browser gets them. Any thread after construction.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

struct StaticFile {
  std::string_view content_type;
  std::string content;
  std::string etag;
};

inline constexpr std::string_view html_type = "text/html; charset=utf-8";
inline constexpr std::string_view javascript_type = "text/javascript; charset=utf-8";
inline constexpr std::string_view css_type = "text/css; charset=utf-8";
inline constexpr std::string_view svg_type = "image/svg+xml";

[[nodiscard]] StaticFile static_file(std::string_view content_type, std::string content);
// 200, or 304 where `if_none_match` names it. Carries a Content-Security-Policy that allows nothing from elsewhere and
// nothing inline, and an ETag by which a browser asks again without loading anew.
[[nodiscard]] ports::HttpResponse static_answer(const StaticFile& file, std::string_view if_none_match);

// The files that a document loads, by name.
class StaticFiles {
 public:
  struct File {
    std::string_view name;
    std::string_view content_type;
    std::string_view content;
  };
  StaticFiles(std::initializer_list<File> files);
  // The one that the path names; 404 as a problem document for what is not there.
  void answer(Call& call) const;

 private:
  std::map<std::string_view, StaticFile> files_;
};

}  // namespace openrun::gateway
