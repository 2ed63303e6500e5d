#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "pipeline/control/record_line.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {

// What a profile says at its end.
enum class ProfileStatus : uint8_t {
  kOk,
  kBroken,        // a correctness rule
  kBreached,      // only service levels
  kInconclusive,  // this host could not make what the profile needs, or there is no data
  kImpossible,    // no host can: the target is above the line rate
  kNoVerdict,     // the farm failed, not the subject
};
// "ok", "broken", "breached", "inconclusive", "impossible", "no_verdict".
const char* Name(ProfileStatus status);

// The result of one profile: fields in the order they were added, what did not hold, and the proof (what was compared
// with what). The worst thing noted decides the status. One thread.
class ProfileReport {
 public:
  using Value = std::variant<std::string, uint64_t, double, bool>;
  using Fields = std::vector<std::pair<std::string, Value>>;

  // `profile`, keys: [A-Za-z0-9_.-]+, each key once (CHECK).
  explicit ProfileReport(std::string profile) : profile_(std::move(profile)) {}

  void Add(std::string key, Value value) { fields_.emplace_back(std::move(key), std::move(value)); }
  void AddProof(std::string key, Value value) { proof_.emplace_back(std::move(key), std::move(value)); }

  // What `key` must be, as `<key>.must_be`: a field, and in the proof beside the value that `key` has.
  void AddMust(const std::string& key, Value must);

  // Notes each rule of the profile that does not hold: broken, or breached where the field is a service level; one
  // whose field is not there is inconclusive.
  void Judge(const LocalProfile& profile);

  void Note(ProfileStatus status, std::string reason);

  const std::string& profile() const { return profile_; }
  ProfileStatus status() const { return status_; }
  const std::vector<std::string>& reasons() const { return reasons_; }
  const Fields& fields() const { return fields_; }
  const Fields& proof() const { return proof_; }
  // nullptr where there is no such field.
  const Value* Find(absl::string_view key) const;

  // One line, without a newline: `schema=feedfarm.profile.v1 profile=... status=... key=value ... reasons=...`. Values
  // are escaped as in pipeline/control/record_line.h: with a kind before it, RecordLine::Parse takes it. Reasons are
  // joined by "; ".
  std::string Line() const;
  // Its record, of kind "profile".
  RecordLine Record() const;
  // The same as a JSON object, reasons as a list.
  std::string Json() const;
  // The proof as a JSON object.
  std::string ProofJson() const;

 private:
  std::string profile_;
  ProfileStatus status_ = ProfileStatus::kOk;
  std::vector<std::string> reasons_;
  Fields fields_;
  Fields proof_;
};

// As on the line, unescaped.
std::string TextOf(const ProfileReport::Value& value);

// 16 lower-case hex digits.
std::string HashText(uint64_t hash);

}  // namespace feedfarm
