#include "pipeline/profile/profile_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"

namespace feedfarm {
namespace {

constexpr char kSchema[] = "feedfarm.profile.v1";
constexpr char kKind[] = "profile";  // RecordLine's, left out of the line
constexpr char kMustBe[] = ".must_be";

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

std::string TextOf(const ProfileReport::Value& value) { return std::visit(ToText(), value); }

std::string HashText(uint64_t hash) { return absl::StrFormat("%016x", hash); }

const ProfileReport::Value* ProfileReport::Find(absl::string_view key) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == key; });
  return found == fields_.end() ? nullptr : &found->second;
}

void ProfileReport::AddMust(const std::string& key, Value must) {
  const Value* value = Find(key);
  CHECK(value != nullptr) << key;
  AddProof(key, *value);
  AddProof(absl::StrCat(key, kMustBe), must);
  Add(absl::StrCat(key, kMustBe), std::move(must));
}

void ProfileReport::Judge(const LocalProfile& profile) {
  for (const ProfileRule& rule : profile.rules) {
    Value number = uint64_t{0};
    const bool constant = absl::SimpleAtoi(rule.right, &std::get<uint64_t>(number));
    const Value* left = Find(rule.field);
    const Value* right = constant ? &number : Find(rule.right);
    if (left == nullptr || right == nullptr) {
      Note(ProfileStatus::kInconclusive, absl::StrCat(left == nullptr ? rule.field : rule.right, " has no value"));
      continue;
    }
    const bool above = rule.comparison == ProfileRule::Comparison::kAbove;
    if (above ? *left > *right : *left == *right) continue;
    const bool service_level = FindField(profile, rule.field)->kind == ProfileField::Kind::kLevel;
    Note(service_level ? ProfileStatus::kBreached : ProfileStatus::kBroken,
         absl::StrCat(rule.field, " is ", TextOf(*left), ", must be ", above ? "above " : "", TextOf(*right)));
  }
}

void ProfileReport::Note(ProfileStatus status, std::string reason) {
  // As the coordinator ranks verdicts: a rule that broke stays broken whatever else is not known; a run without a verdict on the
  // subject says nothing of it.
  const auto rank = [](ProfileStatus of) {
    switch (of) {
      case ProfileStatus::kOk:
        return 0;
      case ProfileStatus::kInconclusive:
        return 1;
      case ProfileStatus::kBreached:
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

RecordLine ProfileReport::Record() const {
  RecordLine line(kKind);
  line.Add("schema", kSchema).Add("profile", profile_).Add("status", Name(status_));
  for (const auto& [key, value] : fields_) line.Add(key, TextOf(value));
  line.Add("reasons", absl::StrJoin(reasons_, "; "));
  return line;
}

std::string ProfileReport::Line() const {
  return Record().Encode().substr(sizeof(kKind));  // the kind and its space
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
