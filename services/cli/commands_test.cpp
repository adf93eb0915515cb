// The commands as they are: every example that is printed anywhere is taken by the parser, and everything is explained.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/app.hpp"
#include "cli/front/help_text.hpp"

namespace openrun::cli {
namespace {

using Words = std::vector<std::string>;

// As a shell takes a simple line apart; a redirection, a pipe or a comment ends it.
Words words_of(std::string_view line) {
  Words words;
  std::string word;
  char quote = 0;
  bool begun = false;
  for (const char c : line) {
    if (quote == 0 && !begun && (c == '#' || c == '|' || c == '>')) break;
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      begun = true;
    } else if (quote == 0 && c == ' ') {
      if (begun) words.push_back(std::exchange(word, ""));
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(word);
  return words;
}

// Empty where the parser takes the line and knows what to run.
std::string complaint_about(std::string_view line) {
  Words words = words_of(line);
  if (words.empty() || words.front() != "openrun") return "does not begin with openrun";
  words.erase(words.begin());
  Context context;
  const auto app = make_app(context);
  try {
    app->parse(Words(words.rbegin(), words.rend()));
  } catch (const CLI::Success&) {
    return "";
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return context.run ? "" : "nothing would be run";
}

CommandInfo tree() {
  Context context;
  return tree_of(*make_app(context));
}

std::filesystem::path repository() {
  return std::filesystem::path(OPENRUN_SOURCE_DIR).parent_path().parent_path();
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The lines that begin with openrun in fenced code, in a document for people.
Words printed_lines(const std::string& document) {
  Words lines;
  std::stringstream text(document);
  bool fenced = false;
  for (std::string line; std::getline(text, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.starts_with("```")) fenced = !fenced;
    if (line.starts_with("$ ")) line.erase(0, 2);
    // "list · show ID": several commands in one line are an overview and no example.
    const bool is_overview = line.find(" · ") != std::string::npos || line.find('<') != std::string::npos;
    if (fenced && line.starts_with("openrun ") && !is_overview) lines.push_back(line);
  }
  return lines;
}

TEST(Commands, EachHasALessonAndEachLessonACommand) {
  std::set<std::string> paths;
  const CommandInfo root = tree();
  for (const CommandInfo* one : runnable_commands(root)) paths.insert(one->path);
  std::set<std::string> taught;
  for (const Lesson& one : lessons()) taught.emplace(one.path);
  EXPECT_EQ(paths, taught);
}

TEST(Commands, EachPrintedExampleIsTakenByTheParser) {
  for (const Lesson& lesson : lessons()) {
    EXPECT_FALSE(lesson.examples.empty()) << lesson.path;
    for (const Lesson::Example& example : lesson.examples) {
      EXPECT_EQ(complaint_about(example.line), "") << example.line;
      EXPECT_TRUE(example.line.starts_with("openrun " + std::string(lesson.path))) << example.line;
    }
  }
}

TEST(Commands, EachExampleInTheDocumentsIsTakenByTheParser) {
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(repository() / "docs")) {
    if (entry.path().extension() != ".md") continue;
    for (const std::string& line : printed_lines(read(entry.path()))) {
      EXPECT_EQ(complaint_about(line), "") << entry.path() << ": " << line;
      ++found;
    }
  }
  EXPECT_GT(found, 30U);
}

TEST(Commands, OnlyCheckAsksSeveralGateways) {
  EXPECT_EQ(complaint_about("openrun check --gateway http://a --campaign 7 --gateway http://b"), "");
  EXPECT_EQ(complaint_about("openrun campaign show --gateway http://a 7"), "");
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_app({"campaign", "list", "--gateway", "http://127.0.0.1:1", "--gateway", "http://127.0.0.1:1"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("`openrun check` alone asks several"));
}

TEST(Commands, EachIsNamedInItsDocument) {
  const std::string document = read(repository() / "docs" / "cli.md");
  const CommandInfo root = tree();
  for (const CommandInfo* one : runnable_commands(root)) {
    EXPECT_THAT(document, testing::HasSubstr("openrun " + one->path)) << "docs/cli.md does not name it";
  }
}

TEST(Commands, EachIsExplainedWithAllItsOptions) {
  const CommandInfo root = tree();
  for (const CommandInfo* one : runnable_commands(root)) {
    EXPECT_FALSE(one->description.empty()) << one->path;
    for (const OptionInfo& option : one->options) {
      EXPECT_FALSE(option.description.empty()) << one->path << " " << option.names.front();
      // A raw type of the parser tells nothing: COUNT, SECONDS, FILE do.
      EXPECT_THAT((std::set<std::string>{"INT", "UINT", "FLOAT", "BOOLEAN", "ENUM"}),
                  testing::Not(testing::Contains(option.value_name)))
          << one->path << " " << option.names.front();
    }
  }
}

TEST(Commands, EachReadsOnInADocumentThatExists) {
  for (const Lesson& lesson : lessons()) {
    const std::string target(lesson.read_more.substr(0, lesson.read_more.find('#')));
    EXPECT_TRUE(std::filesystem::exists(repository() / target)) << lesson.path << ": " << target;
  }
}

TEST(Commands, OptionsOfEveryCommandMayStandAnywhere) {
  for (const char* line :
       {"openrun --json campaign list", "openrun campaign --json list", "openrun campaign list --json"}) {
    Words words = words_of(line);
    words.erase(words.begin());
    Context context;
    make_app(context)->parse(Words(words.rbegin(), words.rend()));
    EXPECT_TRUE(context.json) << line;
  }
}

TEST(Commands, WhatIsWrongIsRefusedBeforeAnythingIsDone) {
  for (const char* line :
       {"openrun campaign create --name x", "openrun campaign create --name x --stock 0",
        "openrun campaign create --name x --stock 4294967296", "openrun campaign show 0", "openrun campaign show x",
        "openrun campaign list --state foo", "openrun dispatch -1", "openrun completion csh", "openrun campaign",
        "openrun coupon list 1 --limit 1001", "openrun dlq accept --partition 0", "openrun load --mode other"}) {
    EXPECT_NE(complaint_about(line), "") << line;
  }
}

}  // namespace
}  // namespace openrun::cli
