// The feedfarm-profile program as the agent runs it, but for its lines on stdout.
#include <stdio.h>
#include <sys/wait.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "pipeline/control/build_fields.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int exit_code = -1;
  std::vector<RecordLine> lines;
};

Outcome RunProfile(const std::string& arguments) {
  Outcome outcome;
  FILE* out = ::popen(absl::StrCat("pipeline/profile/feedfarm-profile ", arguments, " 2>/dev/null").c_str(), "r");
  std::string text;
  char part[4096];
  while (size_t got = ::fread(part, 1, sizeof part, out)) text.append(part, got);
  outcome.exit_code = WEXITSTATUS(::pclose(out));
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const auto record = RecordLine::Parse(std::string_view(line.data(), line.size()));
    EXPECT_TRUE(record.ok()) << line;
    if (record.ok()) outcome.lines.push_back(*record);
  }
  return outcome;
}

TEST(FeedfarmProfile, SaysItsBuildThenItsResultAndWritesItsArtifacts) {
  const fs::path folder = fs::path(::testing::TempDir()) / "out";
  const Outcome outcome = RunProfile(absl::StrCat("rx-proof 20000 2 500 --seed 3 --out ", folder.string()));
  EXPECT_EQ(outcome.exit_code, 0);
  ASSERT_EQ(outcome.lines.size(), 2u);
  EXPECT_EQ(outcome.lines[0].kind(), "ready");
  EXPECT_NE(BuildOf(outcome.lines[0]).compiler, "");
  EXPECT_EQ(outcome.lines[1].kind(), "profile");
  EXPECT_EQ(outcome.lines[1].Find("status"), "ok");
  EXPECT_EQ(outcome.lines[1].Find("seed"), "3");
  EXPECT_EQ(outcome.lines[1].Find("not_production"), "true");
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  EXPECT_EQ(files, (std::vector<std::string>{"profile_manifest.json", "proof.json", "summary.json", "summary.txt"}));
}

TEST(FeedfarmProfile, RefusesWhatItDoesNotKnow) {
  for (const char* arguments : {"nope", "local-core 1", "pool-soak 64 64 1 1"}) {
    const Outcome outcome = RunProfile(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    ASSERT_EQ(outcome.lines.size(), 2u) << arguments;
    EXPECT_EQ(outcome.lines[1].kind(), "error");
  }
}

TEST(FeedfarmProfile, AFolderThatCannotBeIsTheHostsMatter) {
  const Outcome outcome = RunProfile("rx-proof 20000 2 500 --out /proc/none");
  EXPECT_EQ(outcome.exit_code, 11);
}

}  // namespace
}  // namespace feedfarm
