#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/control/cut_command.h"
#include "proto/agent_service.pb.h"

namespace feedfarm {

// feedfarm-handler's flags for a run (ARCHITECTURE.md, "Handler process"), without --control-fd. first_sequence 0 =
// join at the first one seen. cpu -1 = not pinned.
std::vector<std::string> HandlerFlags(const v1::DesiredRun& run, int cpu, uint64_t first_sequence,
                                      const std::string& artifacts_folder);

// First sequence of an undisturbed start. A MoldUDP64 stream begins with 1; a recorded IEX-TP one begins where the
// recording did, and a handler that is late with the first one it sees.
uint64_t FirstSequence(const v1::DesiredRun& run);

// The run's cut faults in absolute time that are not over at `now_tai_ns`. `tai_minus_unix_ns` is the two clocks'
// distance.
std::vector<CutCommand> CutsOf(const v1::Scenario& scenario, uint64_t start_unix_ns, uint64_t tai_minus_unix_ns,
                               uint64_t now_tai_ns);

// When the handler is to be killed, ns after START, ascending.
std::vector<uint64_t> KillsOf(const v1::Scenario& scenario);

}  // namespace feedfarm
