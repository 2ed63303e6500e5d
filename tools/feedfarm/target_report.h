#pragma once

#include <string>

#include "pipeline/profile/profile_report.h"
#include "proto/farm_service.pb.h"
#include "tools/feedfarm/target_profiles.h"

namespace feedfarm {

// The load that a run's source really made.
struct OfferedLoad {
  double sent_pps = 0;  // packets a second on each line
  uint64_t lateness_p99_ns = 0;
  uint64_t lateness_max_ns = 0;
  bool as_asked = false;
};

// A sender is held to be on time as rate searches have it: no more than a hundredth of its packets later than 5 ms.
OfferedLoad LoadOf(const TargetPlan& plan, const v1::RunResult& result);

// A target profile's campaign of one scenario and one run, as a profile's result: what did not hold, and the plan's
// metrics. A rate that was not offered makes it inconclusive, with the rate that was, whatever the gates say.
ProfileReport ReportOfTarget(const TargetPlan& plan, const v1::CampaignStatus& status);

// The same where the trial before it already showed that the rate cannot be offered here.
ProfileReport ReportOfTrial(const TargetPlan& plan, const v1::CampaignStatus& trial);

// Notes a verdict that is no pass, with the run's reasons.
void NoteVerdict(v1::Verdict verdict, const v1::RunResult& result, ProfileReport* report);

// Adds how many gates there were and held; into the proof, what each measured.
void AddGates(const v1::RunResult& result, ProfileReport* report);

// The receive-time class of the run's latencies: "none", "software", "hardware"; several joined by ",".
std::string TimestampSourceOf(const v1::CampaignStatus& status);

}  // namespace feedfarm
