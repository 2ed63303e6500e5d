#include "pipeline/profile/profile_catalog.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace feedfarm {
namespace {

using enum ProfileField::Kind;
using enum ProfileRule::Comparison;

// Where and with what; told by whatever ran the profile.
constexpr ProfileField kCommonFields[] = {{"host_class", kText}, {"not_production", kText}};

constexpr ProfileArgument kLocalCoreArguments[] = {
    {"messages", "2000000", 1, 20'000'000}, {"messages_per_packet", "4", 1, 100}, {"symbols", "8000", 1, 65'535}};
constexpr ProfileField kLocalCoreFields[] = {
    {"messages_per_packet", kCount},
    {"symbols", kCount},
    {"seed", kCount},
    {"events", kCount},
    {"sequence_gaps", kCount},
    {"dup_or_ooo", kCount},
    {"event_vec_reallocs", kCount},
    {"pool_available", kCount},
    {"pool_size", kCount},
    {"pool_misses", kCount},
    {"missing", kCount},
    {"state_hash", kHash},
    {"stream_hash", kHash},
    {"frames", kCount},
    {"orders_live", kCount},
    {"seconds", kLevel},
    {"messages_per_second", kLevel},
    {"frames_per_second", kLevel},
    {"ns_per_frame", kLevel},
    {"state_hash.must_be", kHash},
    {"stream_hash.must_be", kHash},
};
constexpr ProfileRule kLocalCoreRules[] = {
    {"events", kAbove, "0"},
    {"sequence_gaps", kEqual, "0"},
    {"dup_or_ooo", kEqual, "0"},
    {"event_vec_reallocs", kEqual, "0"},
    {"pool_available", kEqual, "pool_size"},
    {"pool_misses", kEqual, "0"},
    {"missing", kEqual, "0"},
    {"state_hash", kEqual, "state_hash.must_be"},
    {"stream_hash", kEqual, "stream_hash.must_be"},
};

constexpr ProfileArgument kRxProofArguments[] = {
    {"messages", "200000", 10'000, 2'000'000}, {"gaps", "5", 0, 1'000'000}, {"gap_messages", "1000", 0, 32'768}};
constexpr ProfileField kRxProofFields[] = {
    {"seed", kCount},
    {"events", kCount},
    {"gap_events", kCount},
    {"gap_messages", kCount},
    {"recovered_events", kCount},
    {"unrecovered_messages", kCount},
    {"dup_or_ooo", kCount},
    {"decoder_sequence_gap_events", kCount},
    {"obo_frames", kCount},
    {"pool_available", kCount},
    {"pool_size", kCount},
    {"state_hash", kHash},
    {"stream_hash", kHash},
    {"frames", kCount},
    {"lost_packets", kCount},
    {"duplicate_packets", kCount},
    {"reordered_packets", kCount},
    {"rerequests", kCount},
    {"rerequests_unanswered", kCount},
    {"events.must_be", kCount},
    {"gap_events.must_be", kCount},
    {"gap_messages.must_be", kCount},
    {"state_hash.must_be", kHash},
    {"stream_hash.must_be", kHash},
    {"journal_errors", kCount},
    {"journal_messages", kCount},
    {"journal_replayed_messages", kCount},
    {"journal_state_hash", kHash},
    {"journal_stream_hash", kHash},
};
constexpr ProfileRule kRxProofRules[] = {
    {"events", kEqual, "events.must_be"},
    {"gap_events", kEqual, "gap_events.must_be"},
    {"gap_messages", kEqual, "gap_messages.must_be"},
    {"recovered_events", kEqual, "gap_events.must_be"},
    {"unrecovered_messages", kEqual, "0"},
    {"dup_or_ooo", kEqual, "0"},
    {"decoder_sequence_gap_events", kEqual, "0"},
    {"obo_frames", kAbove, "0"},
    {"pool_available", kEqual, "pool_size"},
    {"state_hash", kEqual, "state_hash.must_be"},
    {"stream_hash", kEqual, "stream_hash.must_be"},
    {"journal_errors", kEqual, "0"},
    {"journal_messages", kEqual, "events.must_be"},
    {"journal_replayed_messages", kEqual, "events.must_be"},
    {"journal_state_hash", kEqual, "state_hash.must_be"},
    {"journal_stream_hash", kEqual, "stream_hash.must_be"},
};

// Each gap has as many messages as itself between it and the next one, and as many before the end.
absl::Status CheckRxProof(std::span<const uint64_t> numbers) {
  if (numbers[1] * numbers[2] <= numbers[0] / 3) return absl::OkStatus();
  return absl::InvalidArgumentError("GAPS times GAP_MESSAGES is at most a third of MESSAGES");
}

constexpr uint64_t kFramesMax = 1u << 20;
constexpr ProfileArgument kPoolSoakArguments[] = {{"frames", "65536", 1, kFramesMax},
                                                  {"burst", "2048", 1, kFramesMax},
                                                  {"rounds", "10000", 1, 1'000'000'000'000},
                                                  {"batch", "64", 1, kFramesMax}};
constexpr ProfileField kPoolSoakFields[] = {
    {"frames", kCount},
    {"burst", kCount},
    {"rounds", kCount},
    {"batch", kCount},
    {"seed", kCount},
    {"operations", kCount},
    {"misses", kCount},
    {"return_drops", kCount},
    {"pool_available", kCount},
    {"pool_size", kCount},
    {"minor_faults", kLevel},
    {"major_faults", kLevel},
    {"ns_per_operation", kLevel},
    {"pages", kText},
    {"locked", kText},
    {"operations.must_be", kCount},
};
constexpr ProfileRule kPoolSoakRules[] = {
    {"operations", kEqual, "operations.must_be"}, {"misses", kEqual, "0"},       {"return_drops", kEqual, "0"},
    {"pool_available", kEqual, "pool_size"},      {"minor_faults", kEqual, "0"}, {"major_faults", kEqual, "0"},
};

absl::Status CheckPoolSoak(std::span<const uint64_t> numbers) {
  const uint64_t frames = numbers[0], burst = numbers[1], batch = numbers[3];
  if (batch > burst) return absl::InvalidArgumentError("BATCH is at most BURST");
  if (burst + batch <= frames) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a pool of ", frames, " frames cannot have ", burst, " out and ", batch, " in hand"));
}

constexpr absl::string_view kClasses[] = {"software", "hardware"};
constexpr ProfileArgument kRxProbeArguments[] = {{"packets", "100000", 1, uint64_t{1} << 31},
                                                 {"size", "64", 16, 1'472},
                                                 {"batch", "32", 1, 64},
                                                 {"class", "software", 0, 0, kClasses}};
constexpr ProfileField kRxProbeFields[] = {
    {"packets", kCount},
    {"size", kCount},
    {"batch", kCount},
    {"class", kText},
    {"sent", kCount},
    {"send_errors", kCount},
    {"received", kCount},
    {"missing", kCount},
    {"seq_gaps", kCount},
    {"dup_or_ooo", kCount},
    {"foreign", kCount},
    {"packets.none", kCount},
    {"packets.software", kCount},
    {"packets.hardware", kCount},
    {"p50_ns.software", kTime},
    {"p99_ns.software", kTime},
    {"max_ns.software", kTime},
    {"p50_ns.hardware", kTime},
    {"p99_ns.hardware", kTime},
    {"max_ns.hardware", kTime},
    {"wrong_class", kCount},
    {"pool_available", kCount},
    {"pool_size", kCount},
};
constexpr ProfileRule kRxProbeRules[] = {
    {"sent", kEqual, "packets"},  {"send_errors", kEqual, "0"},
    {"received", kAbove, "0"},    {"missing", kEqual, "0"},
    {"seq_gaps", kEqual, "0"},    {"dup_or_ooo", kEqual, "0"},
    {"wrong_class", kEqual, "0"}, {"pool_available", kEqual, "pool_size"},
};

constexpr LocalProfile kProfiles[] = {
    {"local-core", "both lines out of memory through arbiter and book: exact order, no allocation, every buffer back",
     "software", "", kLocalCoreArguments, kLocalCoreFields, kLocalCoreRules},
    {"rx-proof",
     "losses, duplicates, late and repacked packets, gaps, lost answers: books, stream and journal are those of a "
     "replay",
     "software", "", kRxProofArguments, kRxProofFields, kRxProofRules, &CheckRxProof},
    {"pool-soak", "packet buffers taken and given back: no miss, no buffer refused or kept, no page fault", "none", "",
     kPoolSoakArguments, kPoolSoakFields, kPoolSoakRules, &CheckPoolSoak},
    {"rx-probe",
     "UDP over loopback through recvmmsg: nothing lost, doubled or reordered, every packet with a time of the class",
     "software", "lo", kRxProbeArguments, kRxProbeFields, kRxProbeRules},
};

const ProfileField* FindIn(std::span<const ProfileField> fields, absl::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const ProfileField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string UpperCase(const ProfileArgument& argument) { return absl::AsciiStrToUpper(argument.name); }

absl::StatusOr<uint64_t> NumberOf(const ProfileArgument& argument, const std::string& text) {
  const auto& words = argument.words;
  if (!words.empty()) {
    const auto word = std::find(words.begin(), words.end(), text);
    if (word != words.end()) return static_cast<uint64_t>(word - words.begin());
    return absl::InvalidArgumentError(
        absl::StrCat(UpperCase(argument), " is ", absl::StrJoin(words, " or "), ", not '", text, "'"));
  }
  uint64_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= argument.min && number <= argument.max) return number;
  return absl::InvalidArgumentError(
      absl::StrCat(UpperCase(argument), " is ", argument.min, " to ", argument.max, ", not '", text, "'"));
}

}  // namespace

std::span<const LocalProfile> LocalProfiles() { return kProfiles; }

const LocalProfile* FindLocalProfile(absl::string_view name) {
  for (const LocalProfile& profile : kProfiles) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

const ProfileField* FindField(const LocalProfile& profile, absl::string_view name) {
  const ProfileField* field = FindIn(profile.fields, name);
  return field != nullptr ? field : FindIn(kCommonFields, name);
}

const ProfileField* FindField(absl::string_view name) {
  for (const LocalProfile& profile : kProfiles) {
    if (const ProfileField* field = FindField(profile, name)) return field;
  }
  return nullptr;
}

std::string Synopsis(const LocalProfile& profile) {
  return absl::StrJoin(profile.arguments, " ", [](std::string* out, const ProfileArgument& argument) {
    absl::StrAppend(out, "[", UpperCase(argument), "]");
  });
}

absl::StatusOr<ProfileArguments> Effective(const LocalProfile& profile, const ProfileArguments& given) {
  if (given.size() > profile.arguments.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(profile.name, " takes ", Synopsis(profile), ", not ", given.size(), " arguments"));
  }
  ProfileArguments effective = given;
  for (const ProfileArgument& argument : profile.arguments.subspan(given.size())) {
    effective.emplace_back(argument.initial);
  }
  return effective;
}

absl::StatusOr<std::vector<uint64_t>> NumbersOf(const LocalProfile& profile, const ProfileArguments& arguments) {
  if (arguments.size() != profile.arguments.size()) {
    return absl::InvalidArgumentError(absl::StrCat(profile.name, " needs a value for each of ", Synopsis(profile)));
  }
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const absl::StatusOr<uint64_t> number = NumberOf(profile.arguments[i], arguments[i]);
    if (!number.ok()) return number.status();
    numbers.push_back(*number);
  }
  if (profile.check != nullptr) {
    if (absl::Status status = profile.check(numbers); !status.ok()) return status;
  }
  return numbers;
}

absl::Status CheckArguments(const LocalProfile& profile, const ProfileArguments& arguments) {
  return NumbersOf(profile, arguments).status();
}

}  // namespace feedfarm
