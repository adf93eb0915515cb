// Transcripts: records in, decisions out, as text that anyone can read (src/testdata/*.txt). OPENRUN_REWRITE=1 writes
// the decisions of now into the files; the difference is what a reviewer looks at.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "src/test_transcript.hpp"

namespace openrun::issuance {
namespace {

std::filesystem::path folder() {
  return std::filesystem::path(OPENRUN_SOURCE_DIR) / "src" / "testdata";
}

std::vector<std::string> transcripts() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder())) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class Transcript : public ::testing::TestWithParam<std::string> {};

TEST_P(Transcript, IsWhatTheMachineDecides) {
  const std::filesystem::path path = folder() / (GetParam() + ".txt");
  std::ostringstream written;
  written << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string played = testing::play(written.str());
  if (const char* rewrite = std::getenv("OPENRUN_REWRITE"); rewrite != nullptr && std::string(rewrite) == "1") {
    std::ofstream(path, std::ios::binary) << played;
    return;
  }
  EXPECT_EQ(played, written.str()) << "in " << path.filename()
                                   << "; if the change is meant, run with OPENRUN_REWRITE=1";
}

INSTANTIATE_TEST_SUITE_P(Of, Transcript, ::testing::ValuesIn(transcripts()),
                         [](const auto& file) { return file.param; });

TEST(Transcripts, AreAllThere) {
  EXPECT_GE(transcripts().size(), 8u);
}

}  // namespace
}  // namespace openrun::issuance
