#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/epoch_store.h"
#include "agent/run/run_machine.h"
#include "agent/run/run_work.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// What the agent is, without network, threads or clock: desired states and run events in, actions on RunWork and one
// AgentState out. One thread owns it; `now_ns` is CLOCK_MONOTONIC.
//
// Fencing: an epoch is durable before anything is done under it. A run that is new and whose epoch is smaller than the
// largest seen is refused. A run whose ports are leased again under a larger epoch is overtaken: it is undone, and the
// new one is not prepared before it is. Runs on other ports go on; a profile takes the whole host.
class AgentCore {
 public:
  struct Options {
    std::string host;
    std::string instance_id;
    std::string version;
    v1::HostFacts facts;
    // Why the host as such must not be used.
    std::vector<std::string> unfit_reasons;
    std::vector<std::string> undone_at_start;
  };

  // `epochs` and `factory` are borrowed. `sink` is handed to each RunWork and must end in OnRunEvent, later.
  AgentCore(Options options, EpochStore* epochs, RunWorkFactory* factory, RunEventSink sink);

  // The host as it is now. Reasons that runs gave for not using it stay.
  void SetHost(v1::HostFacts facts, std::vector<std::string> unfit_reasons);

  // Takes over a run of the agent's former life. Before anything else.
  void AddRecovered(RecoveredRun run);

  void OnDesired(const v1::DesiredState& desired, uint64_t now_ns);
  // Events of runs that are gone are ignored.
  void OnRunEvent(const RunKey& key, const RunEvent& event, uint64_t now_ns);
  // At least every 100 ms: leases and deadlines.
  void Tick(uint64_t now_ns);
  // Stops and undoes every run. Nothing new is begun from here on; idle() tells when it is over.
  void Shutdown(uint64_t now_ns);

  // Nothing of any run is left on this host.
  bool idle() const;

  v1::AgentState State(uint64_t unix_ns) const;

 private:
  struct Entry {
    v1::DesiredRun desired;
    RunMachine machine;
    std::unique_ptr<RunWork> work;  // null: nothing was ever done
  };
  using Runs = std::map<RunKey, Entry>;

  void TakeDesired(const v1::DesiredRun& desired, uint64_t now_ns);
  Entry* Admit(const RunKey& key, const v1::DesiredRun& desired, uint64_t now_ns);
  RunMachine AdmitMachine(const RunKey& key, const v1::DesiredRun& desired);
  void OvertakeOthers(const RunKey& key, const v1::DesiredRun& desired, uint64_t now_ns);
  bool CanPrepare(const RunKey& key, const v1::DesiredRun& desired) const;
  void Step(const RunKey& key, const RunEvent& event, uint64_t now_ns);
  void Do(const RunKey& key, Entry* entry, RunAction action);
  void Erase(const RunKey& key);
  uint64_t ForgottenEpoch(const RunKey& key) const;

  Options options_;
  EpochStore* epochs_;
  RunWorkFactory* factory_;
  RunEventSink sink_;
  Runs runs_;
  // What runs left behind: for good, until the agent is started again.
  std::vector<std::string> left_behind_;
  // Epochs of runs that were forgotten lately: a late desired state must not bring one back.
  std::deque<std::pair<RunKey, uint64_t>> forgotten_;
  bool shut_down_ = false;
};

}  // namespace feedfarm
