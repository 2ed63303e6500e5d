#include "pipeline/control/build_fields.h"

#include <string>

namespace feedfarm {
namespace {

constexpr char kYes[] = "true";
constexpr char kNo[] = "false";

}  // namespace

void AddBuild(const BuildStamp& build, RecordLine* line) {
  line->Add("commit", build.commit).Add("dirty", build.dirty ? kYes : kNo);
  line->Add("compiler", build.compiler).Add("allocator", build.allocator);
}

BuildStamp BuildOf(const RecordLine& line) {
  const auto text = [&](std::string_view key) { return std::string(line.Find(key).value_or("")); };
  return {.commit = text("commit"),
          .dirty = text("dirty") == kYes,
          .compiler = text("compiler"),
          .allocator = text("allocator")};
}

}  // namespace feedfarm
