#include "tools/feedfarm/target_profiles.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/campaign/units.h"
#include "coordinator/rate_search/line_rate.h"
#include "pipeline/base/status_macros.h"
#include "tools/feedfarm/profile_texts.h"
#include "tools/feedfarm/substitution.h"

namespace feedfarm {
namespace {

using Arguments = std::vector<std::string>;
using Values = std::map<std::string, std::string>;

// Long enough for a sender that cannot keep up to be seen, short enough to cost nothing.
constexpr double kTrialSeconds = 0.05;
// The traffic must at least name its symbols.
constexpr double kMessagesMin = 2'000;
constexpr double kSecondsMax = 3'600;

struct Link {
  const char* name;
  uint64_t mbps;
  const char* text;
  double seconds;  // that the line rate must be held for
};
constexpr Link kLinks[] = {{"10gbe", 10'000, kTargetRx10gbe, 60}, {"25gbe", 25'000, kTargetRx25gbe, 30}};

absl::StatusOr<const Link*> FindLink(const std::string& name) {
  for (const Link& link : kLinks) {
    if (name == link.name) return &link;
  }
  return absl::InvalidArgumentError(absl::StrCat("LINK is 10gbe or 25gbe, not '", name, "'"));
}

absl::Status AtMost(const Arguments& arguments, size_t most) {
  if (arguments.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("at most ", most, " arguments, not ", arguments.size()));
}

std::string ArgumentOr(const Arguments& arguments, size_t index, const std::string& otherwise) {
  return index < arguments.size() ? arguments[index] : otherwise;
}

absl::StatusOr<uint32_t> ParseFrameBytes(const std::string& text) {
  uint32_t bytes = 0;
  if (!absl::SimpleAtoi(text, &bytes) || bytes < kFrameBytesMin || bytes > kFrameBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("FRAME_BYTES is ", kFrameBytesMin, " to ", kFrameBytesMax,
                                                   " with frame check sequence, not '", text, "'"));
  }
  return bytes;
}

// D5: the target against what the link carries of such frames, and the frames against what the traffic needs.
absl::Status CheckTarget(double rate_pps, uint64_t link_mbps, uint32_t frame_bytes) {
  if (const absl::Status possible = CheckLoadPossible(rate_pps, link_mbps, frame_bytes); !possible.ok()) {
    return absl::OutOfRangeError(possible.message());
  }
  // The frames are as long as they are: what they take on the wire counts, whatever was said of them.
  const absl::Status real = CheckLoadPossible(rate_pps, link_mbps, std::max(frame_bytes, kTargetFrameBytes));
  if (real.ok()) return real;
  return absl::OutOfRangeError(absl::StrCat("a frame of this traffic (one ITCH message in MoldUDP64) has ",
                                            kTargetFrameBytes, " bytes, not ", frame_bytes, ": ",
                                            std::string(real.message())));
}

absl::StatusOr<std::string> FillRx(const Link& link, double rate_pps, double seconds, uint64_t seed) {
  const double messages = std::max(kMessagesMin, std::floor(rate_pps * seconds));
  const Values values = {{"seed", absl::StrCat(seed)},
                         {"messages", absl::StrFormat("%.0f", messages)},
                         {"rate", absl::StrFormat("%.0fpps", rate_pps)},
                         {"timeout", absl::StrFormat("%.0fs", std::ceil(messages / rate_pps) * 2 + 60)}};
  return Substitute(absl::StrCat("target-rx-", link.name), link.text, values);
}

absl::StatusOr<TargetPlan> PlanRx(const Arguments& arguments, uint64_t seed) {
  FEEDFARM_RETURN_IF_ERROR(AtMost(arguments, 4));
  FEEDFARM_ASSIGN_OR_RETURN(const Link* link, FindLink(ArgumentOr(arguments, 0, "10gbe")));
  TargetPlan plan;
  plan.profile = "target-rx";
  plan.link_mbps = link->mbps;
  FEEDFARM_ASSIGN_OR_RETURN(plan.frame_bytes,
                            ParseFrameBytes(ArgumentOr(arguments, 2, absl::StrCat(kTargetFrameBytes))));
  const std::string rate = ArgumentOr(arguments, 1, "line");
  if (rate == "line") {
    plan.rate_pps = std::floor(LineRatePps(link->mbps, plan.frame_bytes));
  } else {
    FEEDFARM_ASSIGN_OR_RETURN(plan.rate_pps, ParseRatePps(rate));
  }
  FEEDFARM_RETURN_IF_ERROR(CheckTarget(plan.rate_pps, link->mbps, plan.frame_bytes));
  FEEDFARM_ASSIGN_OR_RETURN(const int64_t duration_ns,
                            ParseDurationNs(ArgumentOr(arguments, 3, absl::StrFormat("%.0fs", link->seconds))));
  plan.seconds = static_cast<double>(duration_ns) * 1e-9;
  if (plan.seconds <= 0 || plan.seconds > kSecondsMax) return absl::InvalidArgumentError("DURATION is up to 1h");
  plan.line_rate = LineRateText(link->mbps, plan.frame_bytes);
  FEEDFARM_ASSIGN_OR_RETURN(plan.yaml, FillRx(*link, plan.rate_pps, plan.seconds, seed));
  FEEDFARM_ASSIGN_OR_RETURN(plan.trial_yaml, FillRx(*link, plan.rate_pps, std::min(plan.seconds, kTrialSeconds), seed));
  plan.metrics = {"messages",    "sent_messages", "gaps",         "duplicates",   "out_of_order", "drops", "lost_packets",
                  "pool_misses", "pool_leaked",   "minor_faults", "major_faults", "stream_hash",  "state_hash"};
  return plan;
}

absl::StatusOr<TargetPlan> PlanFailover(const Arguments& arguments, uint64_t seed) {
  FEEDFARM_RETURN_IF_ERROR(AtMost(arguments, 1));
  FEEDFARM_ASSIGN_OR_RETURN(const int64_t dwell_ns, ParseDurationNs(ArgumentOr(arguments, 0, "1ms")));
  if (dwell_ns < 1'000 || dwell_ns > 100'000'000) return absl::InvalidArgumentError("DWELL is 1us to 100ms");
  TargetPlan plan;
  plan.profile = "target-failover-recovery";
  FEEDFARM_ASSIGN_OR_RETURN(plan.yaml,
                            Substitute(plan.profile, kTargetFailoverRecovery,
                                       {{"seed", absl::StrCat(seed)},
                                        {"dwell_ms", absl::StrFormat("%g", static_cast<double>(dwell_ns) * 1e-6)}}));
  plan.metrics = {"messages",     "sent_messages",      "failover_ms", "recovery_ms",  "failovers", "gaps",
                  "gap_messages", "recovered_messages", "duplicates",  "out_of_order", "drops",     "pool_misses",
                  "pool_leaked",  "pool_return_drops",  "stream_hash", "state_hash"};
  return plan;
}

absl::StatusOr<TargetPlan> PlanPersistence(const Arguments& arguments, uint64_t seed) {
  FEEDFARM_RETURN_IF_ERROR(AtMost(arguments, 0));
  TargetPlan plan;
  plan.profile = "target-persistence";
  FEEDFARM_ASSIGN_OR_RETURN(plan.yaml, Substitute(plan.profile, kTargetPersistence, {{"seed", absl::StrCat(seed)}}));
  plan.metrics = {"messages",
                  "sent_messages",
                  "duplicates",
                  "out_of_order",
                  "handler_restarts",
                  "journal_restored_messages",
                  "journal_replayed_messages",
                  "journal_torn_bytes",
                  "journal_errors",
                  "pool_leaked",
                  "stream_hash",
                  "state_hash"};
  return plan;
}

}  // namespace

const std::vector<TargetProfile>& TargetProfiles() {
  static const auto* const kProfiles = new std::vector<TargetProfile>{
      {"target-rx", "[10gbe|25gbe] [RATE|line] [FRAME_BYTES] [DURATION]",
       "line rate on both lines: no drop, gap or duplicate, latency by receive-time class", PlanRx},
      {"target-failover-recovery", "[DWELL]",
       "line A cut for 200 ms, 1,000 messages missing on both lines: failover within the dwell time, recovery within "
       "100 ms",
       PlanFailover},
      {"target-persistence", "",
       "the handler is killed half-way and goes on from snapshot and journal to the hash of the source",
       PlanPersistence},
  };
  return *kProfiles;
}

const TargetProfile* FindTargetProfile(const std::string& name) {
  const auto found = std::ranges::find(TargetProfiles(), name, &TargetProfile::name);
  return found == TargetProfiles().end() ? nullptr : &*found;
}

}  // namespace feedfarm
