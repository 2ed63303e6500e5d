#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/testing/simulated_agent.h"
#include "grpcpp/grpcpp.h"
#include "proto/agent_service.grpc.pb.h"

namespace feedfarm {

// A SimulatedAgent that speaks to a coordinator over gRPC in real time, and connects again when the connection breaks.
class ConnectedAgent {
 public:
  ConnectedAgent(const std::string& address, const std::string& host, uint64_t seed, AgentTroubles troubles = {});
  ~ConnectedAgent();

  // How the last connection ended.
  grpc::Status last_status() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> violations() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  void Connect();
  void Transfer();

  const std::unique_ptr<v1::AgentService::Stub> stub_;
  absl::Mutex mutex_;
  SimulatedAgent agent_ ABSL_GUARDED_BY(mutex_);
  grpc::Status last_status_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace feedfarm
