#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace feedfarm {

// One argument of a profile.
struct ProfileArgument {
  // As in campaign files; on the command line in upper case.
  absl::string_view name;
  absl::string_view initial;
  // Of a number; both ends are allowed.
  uint64_t min = 0;
  uint64_t max = 0;
  // Not empty: it is one of these words, not a number.
  std::span<const absl::string_view> words = {};
};

// One value that a profile tells.
struct ProfileField {
  enum class Kind : uint8_t {
    kCount,  // correctness
    kLevel,  // a number that is a service level
    kTime,   // ns, a service level
    kHash,   // correctness
    kText,   // what or where it was: no rule is over it
  };
  absl::string_view name;
  Kind kind = Kind::kCount;
};

// What a profile enforces: `field` == or > `right`, which is a number or another field.
struct ProfileRule {
  enum class Comparison : uint8_t { kEqual, kAbove };
  absl::string_view field;
  Comparison comparison = Comparison::kEqual;
  absl::string_view right;
};

// A profile of one machine: what it takes, tells and enforces. The command line, campaign files, default gates and the
// profile itself all read this one table.
struct LocalProfile {
  absl::string_view name;
  absl::string_view meaning;
  // "none", "software".
  absl::string_view timestamp_source;
  // Interface; empty = none.
  absl::string_view nic;
  std::span<const ProfileArgument> arguments;
  // Besides those that every profile has.
  std::span<const ProfileField> fields;
  std::span<const ProfileRule> rules;
  // What numbers, one for each argument, must hold together; null = nothing.
  absl::Status (*check)(std::span<const uint64_t> numbers) = nullptr;
};

// One value for each argument, as written.
using ProfileArguments = std::vector<std::string>;

std::span<const LocalProfile> LocalProfiles();
// nullptr where there is none of this name.
const LocalProfile* FindLocalProfile(absl::string_view name);

// Its field, or one that every profile has; nullptr where there is none of this name.
const ProfileField* FindField(const LocalProfile& profile, absl::string_view name);
// The same over all profiles: a name has one kind wherever it occurs.
const ProfileField* FindField(absl::string_view name);

// "[FRAMES] [BURST]".
std::string Synopsis(const LocalProfile& profile);
// `given`, and the defaults behind them. INVALID_ARGUMENT: too many.
absl::StatusOr<ProfileArguments> Effective(const LocalProfile& profile, const ProfileArguments& given);
// INVALID_ARGUMENT: not one for each, out of bounds, or they do not go together.
absl::Status CheckArguments(const LocalProfile& profile, const ProfileArguments& arguments);
// The numbers; a word counts as its place among its words. The same errors.
absl::StatusOr<std::vector<uint64_t>> NumbersOf(const LocalProfile& profile, const ProfileArguments& arguments);

}  // namespace feedfarm
