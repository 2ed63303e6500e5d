#include "pipeline/profile/profile_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {
namespace {

constexpr char kSchema[] = "feedfarm.profile.v1";
constexpr char kKind[] = "profile";  // RecordLine's, left out of the line

struct ToText {
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(uint64_t value) const { return absl::StrCat(value); }
  std::string operator()(double value) const { return absl::StrFormat("%.6g", value); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
};

void Put(const ProfileReport::Fields& fields, nlohmann::ordered_json* json) {
  for (const auto& [key, value] : fields) {
    std::visit([&, key = &key](const auto& plain) { (*json)[*key] = plain; }, value);
  }
}

std::string Text(const nlohmann::ordered_json& json) {
  // What a kernel or a user named need not be UTF-8; the report is.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

const char* Name(ProfileStatus status) {
  switch (status) {
    case ProfileStatus::kOk:
      return "ok";
    case ProfileStatus::kBroken:
      return "broken";
    case ProfileStatus::kBreached:
      return "breached";
    case ProfileStatus::kInconclusive:
      return "inconclusive";
    case ProfileStatus::kImpossible:
      return "impossible";
    case ProfileStatus::kNoVerdict:
      return "no_verdict";
  }
  return "";
}

std::string HashText(uint64_t hash) { return absl::StrFormat("%016x", hash); }

void ProfileReport::Require(std::string key, uint64_t value, uint64_t must) {
  if (value != must) Note(ProfileStatus::kBroken, absl::StrCat(key, " is ", value, ", must be ", must));
  Add(std::move(key), value);
}

void ProfileReport::RequireSome(std::string key, uint64_t value) {
  if (value == 0) Note(ProfileStatus::kBroken, absl::StrCat(key, " is 0, must be above"));
  Add(std::move(key), value);
}

void ProfileReport::RequireHash(std::string key, uint64_t value, uint64_t must) {
  if (value != must) {
    Note(ProfileStatus::kBroken, absl::StrCat(key, " is ", HashText(value), ", must be ", HashText(must)));
  }
  AddProof(key, HashText(value));
  AddProof(absl::StrCat(key, ".must_be"), HashText(must));
  Add(std::move(key), HashText(value));
}

void ProfileReport::Expect(std::string key, uint64_t value, uint64_t must) {
  if (value != must) Note(ProfileStatus::kBreached, absl::StrCat(key, " is ", value, ", must be ", must));
  Add(std::move(key), value);
}

void ProfileReport::Note(ProfileStatus status, std::string reason) {
  // A broken rule stays broken whatever else there is; a run without a verdict on the subject says nothing of it.
  const auto rank = [](ProfileStatus of) {
    switch (of) {
      case ProfileStatus::kOk:
        return 0;
      case ProfileStatus::kBreached:
        return 1;
      case ProfileStatus::kInconclusive:
        return 2;
      case ProfileStatus::kBroken:
        return 3;
      case ProfileStatus::kNoVerdict:
        return 4;
      case ProfileStatus::kImpossible:
        return 5;
    }
    return 0;
  };
  if (rank(status) > rank(status_)) status_ = status;
  reasons_.push_back(std::move(reason));
}

std::string ProfileReport::Line() const {
  RecordLine line(kKind);
  line.Add("schema", kSchema).Add("profile", profile_).Add("status", Name(status_));
  for (const auto& [key, value] : fields_) line.Add(key, std::visit(ToText(), value));
  line.Add("reasons", absl::StrJoin(reasons_, "; "));
  return line.Encode().substr(sizeof(kKind));  // the kind and its space
}

std::string ProfileReport::Json() const {
  nlohmann::ordered_json json = {{"schema", kSchema}, {"profile", profile_}, {"status", Name(status_)}};
  Put(fields_, &json);
  json["reasons"] = reasons_;
  return Text(json);
}

std::string ProfileReport::ProofJson() const {
  nlohmann::ordered_json json = {{"schema", "feedfarm.profile-proof.v1"}, {"profile", profile_}};
  Put(proof_, &json);
  return Text(json);
}

}  // namespace feedfarm
