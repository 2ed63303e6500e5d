#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "coordinator/gate/histogram_set.h"
#include "proto/agent_service.pb.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// One role's own report of why it failed.
struct RoleFailure {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  v1::FailureCause cause = v1::FAILURE_CAUSE_UNSPECIFIED;
  // One sentence; the host's name in it where known.
  std::string sentence;
};

// Everything a run's verdict rests on.
struct RunEvidence {
  std::vector<RoleFailure> failures;
  // The farm's own reasons: "no answer from host dut for 10s", "timeout of 60s". Each makes an infrastructure error.
  std::vector<std::string> farm_failures;
  bool cancelled = false;
  // Where lines A and B go, for people: "src lineA to dut lineA".
  std::array<std::string, 2> wires;
  // Null = the role gave none.
  const v1::HandlerResult* handler = nullptr;
  const v1::SourceResult* source = nullptr;
  // Of a rate search, instead of the roles.
  const v1::RateSearchResult* search = nullptr;
  // Of a profile, instead of both roles.
  const v1::ProfileResult* profile = nullptr;
  // All telemetry intervals of both roles, added. Where empty, the results' own whole-run histograms are used.
  HistogramSet latencies;
  uint64_t intervals_merged = 0;
  uint64_t intervals_missing = 0;
  uint64_t started_unix_ns = 0;
  uint64_t finished_unix_ns = 0;
};

// Pure. ARCHITECTURE.md "Who decides what": cancelled by the user -> cancelled, whatever the stopping broke; else farm,
// host, lease or input trouble, or packets that the source could not send -> infrastructure error; else subject crashed or a correctness gate broke -> failed;
// else a service-level gate broke -> breached; else a gate without data, no gate, a load that was not offered (WhyNotOffered), nothing sent or delivered, a line that lost
// packets, or a fault that did not happen as the scenario asks (MissingEvidence) -> inconclusive; else passed. Gates
// are evaluated in any case. The result's handler and source histograms are those that were judged. The reasons of a
// run that did not pass are never empty. A rate search is judged by its gates over its answers, a profile by those over what it
// told; where it says itself that its host could not make what it needs, that is inconclusive too.
v1::RunResult JudgeRun(const v1::Scenario& scenario, const RunEvidence& evidence);

// Worst first: infrastructure error, failed, breached, inconclusive, cancelled, not run, passed. Skipped only where
// every run was skipped. No runs: not run.
v1::Verdict CampaignVerdict(std::span<const v1::Verdict> runs);

}  // namespace feedfarm
