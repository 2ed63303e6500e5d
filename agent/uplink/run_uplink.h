#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/run/run_work.h"
#include "agent/uplink/telemetry_spool.h"

namespace feedfarm {

// A run's way to the coordinator for what is too large for the state: telemetry, from its making on, and files. It
// never gives up by itself where the coordinator cannot be reached. Destroying it ends it at once.
class RunUplink {
 public:
  virtual ~RunUplink() = default;

  // Sends the files that exist, then calls `done` once from its own thread: false = refused for good, or a file could
  // not be read.
  virtual void Upload(std::vector<std::string> paths, std::function<void(bool complete)> done) = 0;
};

// Sends `spool` (borrowed, outlives the uplink) from now on, resending from the last acknowledgement after each
// reconnect.
using RunUplinkMaker =
    std::function<std::unique_ptr<RunUplink>(const RunKey& key, uint64_t epoch, TelemetrySpool* spool)>;

}  // namespace feedfarm
