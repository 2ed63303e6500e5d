#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/agent_service.h"
#include "coordinator/coordinator.h"
#include "coordinator/farm_service.h"
#include "coordinator/store/store.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"

namespace grpc {
class Server;
}

namespace feedfarm {

// A whole coordinator in this process: state folder with its lock, store, core, gRPC server, and the two threads that tick and
// write reports. Serves from Start until it is destroyed, which leaves every run as it is at the agents.
class CoordinatorServer {
 public:
  struct Options {
    std::string state_dir;
    // "host:port", port 0 = any, or "unix:/path".
    std::vector<std::string> listen;
    // state_dir and instance are filled in.
    Coordinator::Options coordinator;
  };

  // FAILED_PRECONDITION: another coordinator holds the state folder. UNAVAILABLE: an address cannot be listened on. Else as the
  // store and file system say.
  static absl::StatusOr<std::unique_ptr<CoordinatorServer>> Start(Options options);
  ~CoordinatorServer();

  // Of each TCP address in Options::listen, in their order; 0 for others.
  const std::vector<int>& ports() const { return ports_; }
  // OK while it can serve; then the process should end.
  absl::Status health() { return coordinator_->health(); }

 private:
  CoordinatorServer() = default;
  absl::Status Open(Options options);
  // Calls `step` every 50 ms until stop.
  void Loop(void (Coordinator::*step)()) ABSL_LOCKS_EXCLUDED(mutex_);

  SystemClock clock_;
  ScopedFd lock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<FarmServiceAdapter> farm_;
  std::unique_ptr<AgentServiceAdapter> agents_;
  std::vector<int> ports_;
  std::unique_ptr<grpc::Server> server_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace feedfarm
