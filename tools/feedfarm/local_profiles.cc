#include "tools/feedfarm/local_profiles.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/profile/local_core.h"
#include "pipeline/profile/pool_soak.h"
#include "pipeline/profile/rx_probe.h"
#include "pipeline/profile/rx_proof.h"

namespace feedfarm {
namespace {

// Reads arguments in turn; the first that is no number of its field stays as the error.
class Numbers {
 public:
  explicit Numbers(const LocalProfile::Arguments& arguments) : arguments_(arguments) {}

  template <class T>
  Numbers& Into(T* out) {
    const std::string& text = arguments_.at(next_++);
    if (!absl::SimpleAtoi(text, out) && status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat("'", text, "' is no number that fits here"));
    }
    return *this;
  }
  const absl::Status& status() const { return status_; }

 private:
  const LocalProfile::Arguments& arguments_;
  size_t next_ = 0;
  absl::Status status_;
};

absl::StatusOr<ProfileReport> LocalCore(const LocalProfile::Arguments& arguments, uint64_t seed) {
  LocalCoreOptions options{.seed = seed};
  FEEDFARM_RETURN_IF_ERROR(
      Numbers(arguments).Into(&options.messages).Into(&options.messages_per_packet).Into(&options.symbols).status());
  return RunLocalCore(options);
}

absl::StatusOr<ProfileReport> PoolSoak(const LocalProfile::Arguments& arguments, uint64_t seed) {
  PoolSoakOptions options{.seed = seed};
  FEEDFARM_RETURN_IF_ERROR(Numbers(arguments)
                               .Into(&options.frames)
                               .Into(&options.burst)
                               .Into(&options.rounds)
                               .Into(&options.batch)
                               .status());
  return RunPoolSoak(options);
}

absl::StatusOr<ProfileReport> RxProof(const LocalProfile::Arguments& arguments, uint64_t seed) {
  RxProofOptions options{.seed = seed};
  FEEDFARM_RETURN_IF_ERROR(
      Numbers(arguments).Into(&options.messages).Into(&options.gaps).Into(&options.gap_messages).status());
  return RunRxProof(options);
}

absl::StatusOr<ProfileReport> RxProbe(const LocalProfile::Arguments& arguments, uint64_t) {
  RxProbeOptions options;
  FEEDFARM_RETURN_IF_ERROR(
      Numbers(arguments).Into(&options.packets).Into(&options.bytes).Into(&options.batch).status());
  FEEDFARM_ASSIGN_OR_RETURN(options.timestamp_class, ParseTimestampClass(arguments.at(3)));
  return RunRxProbe(options);
}

}  // namespace

std::string LocalProfile::Synopsis() const {
  std::string text;
  for (const auto& [argument, value] : arguments) absl::StrAppend(&text, text.empty() ? "" : " ", "[", argument, "]");
  return text;
}

absl::StatusOr<LocalProfile::Arguments> LocalProfile::Effective(const Arguments& given) const {
  if (given.size() > arguments.size()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " takes ", Synopsis(), ", not ", given.size(), " arguments"));
  }
  Arguments effective = given;
  for (size_t i = given.size(); i < arguments.size(); ++i) effective.push_back(arguments[i].second);
  return effective;
}

const std::vector<LocalProfile>& LocalProfiles() {
  static const auto* const kProfiles = new std::vector<LocalProfile>{
      {"local-core",
       {{"MESSAGES", "2000000"}, {"MESSAGES_PER_PACKET", "4"}, {"SYMBOLS", "8000"}},
       "both lines out of memory through arbiter and book: exact order, no allocation, every buffer back",
       "software",
       "",
       LocalCore},
      {"rx-proof",
       {{"MESSAGES", "200000"}, {"GAPS", "5"}, {"GAP_MESSAGES", "1000"}},
       "losses, duplicates, late and repacked packets, gaps, lost answers: books, stream and journal are those of a "
       "replay",
       "software",
       "",
       RxProof},
      {"pool-soak",
       {{"FRAMES", "65536"}, {"BURST", "2048"}, {"ROUNDS", "10000"}, {"BATCH", "64"}},
       "packet buffers taken and given back: no miss, no buffer refused or kept, no page fault",
       "none",
       "",
       PoolSoak},
      {"rx-probe",
       {{"PACKETS", "100000"}, {"SIZE", "64"}, {"BATCH", "32"}, {"CLASS", "software"}},
       "UDP over loopback through recvmmsg: nothing lost, doubled or reordered, every packet with a time of the class",
       "software",
       "lo",
       RxProbe},
  };
  return *kProfiles;
}

const LocalProfile* FindLocalProfile(const std::string& name) {
  for (const LocalProfile& profile : LocalProfiles()) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

}  // namespace feedfarm
