#include "tools/feedfarm/farm_profile.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "coordinator/gate/exit_code.h"
#include "coordinator/gate/profile_gates.h"
#include "tools/feedfarm/target_report.h"

namespace feedfarm {
namespace {

// As the profile itself would have added it.
ProfileReport::Value ValueOf(const ProfileField& field, const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (field.kind == ProfileField::Kind::kHash || field.kind == ProfileField::Kind::kText) return text;
  uint64_t count = 0;
  double number = 0;
  if (absl::SimpleAtoi(text, &count)) return count;
  if (absl::SimpleAtod(text, &number)) return number;
  return text;
}

}  // namespace

std::string CampaignOf(const LocalProfile& profile, const ProfileArguments& arguments, uint64_t seed,
                       const std::string& host) {
  std::string values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::StrAppend(&values, i == 0 ? "" : ", ", profile.arguments[i].name, ": ", arguments[i]);
  }
  std::string yaml = absl::StrCat("# ", profile.meaning, ".\ncampaign: ", profile.name, "\nseed: ", seed,
                                  "\n\nscenarios:\n  - name: ", profile.name,
                                  "\n    timeout: 10m\n    profile:\n      ", profile.name, ": {", values, "}\n");
  if (!host.empty()) absl::StrAppend(&yaml, "    placement: {profile: {host: ", host, "}}\n");
  absl::StrAppend(&yaml, "    gates:   # as without this list\n");
  for (const std::string& gate : GatesOf(profile)) absl::StrAppend(&yaml, "      - ", gate, "\n");
  return yaml;
}

ProfileReport ReportOfFarmProfile(const LocalProfile& profile, const v1::CampaignStatus& status) {
  ProfileReport report(std::string(profile.name));
  const v1::RunStatus& run = status.runs_size() > 0 ? status.runs(0) : v1::RunStatus::default_instance();
  report.Add("campaign", status.campaign_id());
  report.Add("host", run.profile_host());
  report.Add("verdict", std::string(VerdictName(status.verdict())));
  for (const v1::ProfileValue& value : run.result().profile().values()) {
    // What is none of its fields, or comes twice, could be anything.
    const ProfileField* field = FindField(profile, value.name());
    if (field == nullptr || report.Find(value.name()) != nullptr) continue;
    report.Add(value.name(), ValueOf(*field, value.value()));
  }
  NoteVerdict(status.verdict(), run.result(), &report);
  AddGates(run.result(), &report);
  return report;
}

}  // namespace feedfarm
