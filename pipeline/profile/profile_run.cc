#include "pipeline/profile/profile_run.h"

#include <glog/logging.h>

#include <span>
#include <vector>

#include "absl/strings/string_view.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/profile/host_facts.h"
#include "pipeline/profile/local_core.h"
#include "pipeline/profile/pool_soak.h"
#include "pipeline/profile/rx_probe.h"
#include "pipeline/profile/rx_proof.h"

namespace feedfarm {
namespace {

using Numbers = std::span<const uint64_t>;
using Result = absl::StatusOr<ProfileReport>;

uint32_t Narrow(uint64_t number) { return static_cast<uint32_t>(number); }

Result LocalCore(Numbers n, const ProfileRunOptions& options) {
  return RunLocalCore(
      {.messages = n[0], .messages_per_packet = Narrow(n[1]), .symbols = Narrow(n[2]), .seed = options.seed});
}

Result RxProof(Numbers n, const ProfileRunOptions& options) {
  return RunRxProof({.messages = n[0],
                     .gaps = Narrow(n[1]),
                     .gap_messages = Narrow(n[2]),
                     .seed = options.seed,
                     .scratch = options.scratch});
}

Result PoolSoak(Numbers n, const ProfileRunOptions& options) {
  return RunPoolSoak(
      {.frames = Narrow(n[0]), .burst = Narrow(n[1]), .rounds = n[2], .batch = Narrow(n[3]), .seed = options.seed});
}

Result RxProbe(Numbers n, const ProfileRunOptions&) {
  return RunRxProbe({.packets = n[0],
                     .bytes = Narrow(n[1]),
                     .batch = Narrow(n[2]),
                     .timestamp_class = n[3] == 0 ? TimestampClass::kSoftware : TimestampClass::kHardware});
}

struct Runner {
  absl::string_view profile;
  Result (*run)(Numbers numbers, const ProfileRunOptions& options);
};
constexpr Runner kRunners[] = {
    {"local-core", &LocalCore}, {"rx-proof", &RxProof}, {"pool-soak", &PoolSoak}, {"rx-probe", &RxProbe}};

Result Run(const LocalProfile& profile, Numbers numbers, const ProfileRunOptions& options) {
  for (const Runner& runner : kRunners) {
    if (runner.profile == profile.name) return runner.run(numbers, options);
  }
  LOG(FATAL) << "no code for profile " << profile.name;
}

}  // namespace

absl::StatusOr<ProfileReport> RunLocalProfile(const LocalProfile& profile, const ProfileArguments& arguments,
                                              const ProfileRunOptions& options) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, NumbersOf(profile, arguments));
  FEEDFARM_ASSIGN_OR_RETURN(ProfileReport report, Run(profile, numbers, options));
  report.Add("host_class", HostClass(ReadHostFacts()));
  report.Add("not_production", true);
  return report;
}

}  // namespace feedfarm
