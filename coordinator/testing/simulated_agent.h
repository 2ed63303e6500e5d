#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline/base/rng.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// What can go wrong at an agent, each a probability a run.
struct AgentTroubles {
  double host_failure = 0;    // prepare fails
  double subject_crash = 0;   // the handler dies
  double lost_message = 0;    // the handler delivers one message less than was sent
  double hang = 0;            // never ends by itself, nor when it is stopped
  double residue = 0;         // something is left after teardown
  double refused_upload = 0;  // no artifacts
};

// An agent as the contracts describe it, without hosts, processes and threads; the caller moves messages and time (ns). For
// tests of the coordinator. Traffic lasts 0.5 to 2 s, chosen by the run's seed, so that both roles of a run agree.
class SimulatedAgent {
 public:
  SimulatedAgent(std::string host, uint64_t seed, AgentTroubles troubles);

  // Handlers here carry this many packets a second on each line and lose the rest; 0 = traffic has no rate.
  void set_capacity_pps(double pps) { capacity_pps_ = pps; }

  // Death: what was in memory is gone, what was on disk (epoch, names of runs) is not. Start makes a new instance.
  void Crash();
  void Start();
  bool alive() const { return alive_; }

  void OnDesired(const v1::DesiredState& desired, uint64_t now_ns);
  void Tick(uint64_t now_ns, uint64_t unix_ns);
  v1::AgentState State() const;

  // Telemetry that is not acknowledged, in sequence; at most `limit` a run.
  std::vector<v1::TelemetryInterval> Unacknowledged(size_t limit) const;
  void Acknowledged(const v1::TelemetryAck& ack);
  // Runs whose one artifact waits for its upload; chunks are whole files.
  std::vector<v1::ArtifactChunk> Uploads() const;
  void Uploaded(const std::string& run_id);

  // Messages in which the agent told of the run reached the coordinator.
  void Reported();

  // Links that runs use here, each with its run; those that are torn down use none.
  std::map<std::string, std::string> LinksInUse() const;

  // Broken rules, seen from here: ports given away while they were held, an epoch that fell.
  const std::vector<std::string>& violations() const { return violations_; }
  // Runs whose part ended well here, with the intervals that were made of each.
  const std::map<std::string, uint64_t>& clean_runs() const { return clean_; }
  const std::string& host() const { return host_; }
  bool idle() const { return runs_.empty(); }
  // Of the run with this seed: what its source sends, or its profile counts.
  static uint64_t Messages(uint64_t seed) { return 1000 + seed % 1000; }

 private:
  struct Run {
    v1::DesiredRun desired;
    v1::AgentRunState state = v1::AGENT_RUN_STATE_PREPARING;
    v1::FailureCause cause = v1::FAILURE_CAUSE_UNSPECIFIED;
    std::string failure;
    uint64_t lease_until_ns = 0;
    // When the step under way is over; 0 = none is.
    uint64_t step_ends_ns = 0;
    bool reported = false;
    bool hangs = false, crashes = false, lossy = false;
    bool tearing_down = false, undone = false, stopping = false;
    uint64_t messages = 0;
    uint64_t telemetry_made = 0, telemetry_acked = 0, next_interval_ns = 0;
    bool uploaded = false;
    std::vector<std::string> residue;
  };

  void Take(const v1::DesiredRun& desired, uint64_t now_ns);
  void TearDown(Run* run, const char* why, v1::FailureCause cause, uint64_t now_ns);
  void Fail(Run* run, v1::FailureCause cause, std::string failure);
  void TickRun(Run* run, uint64_t now_ns, uint64_t unix_ns);
  void TickTraffic(Run* run, uint64_t now_ns, uint64_t unix_ns);
  void FillTrial(const Run& run, v1::ObservedRun* observed) const;
  static bool Ended(const Run& run) { return run.state >= v1::AGENT_RUN_STATE_DONE; }
  bool Holds() const;
  static uint64_t TrafficNs(uint64_t seed);

  const std::string host_;
  const AgentTroubles troubles_;
  Rng rng_;
  double capacity_pps_ = 0;
  bool alive_ = false;
  std::string instance_;
  // On disk.
  uint64_t epoch_seen_ = 0;
  std::string epoch_run_;  // that brought it
  std::map<std::string, Run> runs_;
  std::vector<std::string> violations_;
  std::map<std::string, uint64_t> clean_;
};

}  // namespace feedfarm
