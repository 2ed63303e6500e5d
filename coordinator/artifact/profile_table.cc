#include "coordinator/artifact/profile_table.h"

#include "absl/strings/str_cat.h"
#include "coordinator/artifact/text_table.h"

namespace feedfarm {
namespace {

// Requirement D12: whoever reads a figure reads beside it what it is of.
constexpr char kHostClass[] = "host_class";

std::string ValueOf(const v1::ProfileResult& profile, const char* name) {
  for (const v1::ProfileValue& value : profile.values()) {
    if (value.name() == name) return value.value();
  }
  return "unknown";
}

}  // namespace

std::string ProfileTables(const std::vector<v1::RunStatus>& runs) {
  std::string out;
  for (const v1::RunStatus& run : runs) {
    if (!run.result().has_profile()) continue;
    const v1::ProfileResult& profile = run.result().profile();
    TextTable table;
    table.AddColumn("VALUE");
    table.AddColumn(Printable(ValueOf(profile, kHostClass)));
    for (const v1::ProfileValue& value : profile.values()) {
      if (value.name() != kHostClass) table.AddRow({value.name(), value.value()});
    }
    const std::string reasons = profile.reasons().empty() ? "" : absl::StrCat(": ", Printable(profile.reasons()));
    absl::StrAppend(&out, Printable(run.run_id()), " ", Printable(run.scenario()), ": profile ",
                    Printable(profile.profile()), " says ", Printable(profile.status()), reasons, "\n", table.ToString(),
                    "\n");
  }
  if (out.empty()) return "";
  return absl::StrCat("Profiles (of these hosts alone: no figures of production)\n", out);
}

}  // namespace feedfarm
