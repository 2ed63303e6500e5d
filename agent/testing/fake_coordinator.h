#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/agent_service.grpc.pb.h"

namespace feedfarm::testing {

// A coordinator as far as an agent can see: says what it is told to say, keeps what it hears, and can refuse, break
// streams and be stopped and started again on its port. What it keeps survives its restarts. Thread-safe.
class FakeCoordinator final : public v1::AgentService::Service {
 public:
  FakeCoordinator();
  ~FakeCoordinator() override;

  void Start();
  // As by kill: open streams break.
  void Stop();
  std::string target() const;

  // What every stream is told, at once and again with each state that comes.
  void Want(v1::DesiredState desired);
  // Synchronize answers this; OK = talk.
  void RefuseWith(grpc::Status status);
  // Synchronize takes the stream and says nothing.
  void BeSilent(bool silent);
  // Breaks each telemetry stream after so many intervals; 0 = never.
  void BreakTelemetryAfter(uint64_t intervals);
  // The next uploads end so.
  void FailUploads(std::vector<grpc::Status> statuses);

  // Waits until `condition` (over this object, called with its lock held) is true.
  bool AwaitState(const std::function<bool(const v1::AgentState&)>& condition);
  bool AwaitStreams(int count);
  bool AwaitTelemetry(uint64_t last_sequence);
  // Until so many restarts of the handler were told by telemetry.
  bool AwaitRestarts(int count);

  std::vector<uint64_t> telemetry_sequences() const;
  uint64_t telemetry_resent() const;
  std::map<std::string, std::string> artifacts() const;

  grpc::Status Synchronize(grpc::ServerContext* context,
                           grpc::ServerReaderWriter<v1::DesiredState, v1::AgentState>* stream) override;
  grpc::Status StreamTelemetry(grpc::ServerContext* context,
                               grpc::ServerReaderWriter<v1::TelemetryAck, v1::TelemetryInterval>* stream) override;
  grpc::Status UploadArtifact(grpc::ServerContext* context, grpc::ServerReader<v1::ArtifactChunk>* reader,
                              v1::ArtifactReceipt* receipt) override;

 private:
  mutable absl::Mutex mutex_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  v1::DesiredState desired_ ABSL_GUARDED_BY(mutex_);
  grpc::Status refusal_ ABSL_GUARDED_BY(mutex_);
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t break_after_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<grpc::Status> upload_failures_ ABSL_GUARDED_BY(mutex_);
  v1::AgentState last_state_ ABSL_GUARDED_BY(mutex_);
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, v1::TelemetryInterval> telemetry_ ABSL_GUARDED_BY(mutex_);
  uint64_t telemetry_resent_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> artifacts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace feedfarm::testing
