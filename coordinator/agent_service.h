#pragma once

#include "coordinator/coordinator.h"
#include "proto/agent_service.grpc.pb.h"

namespace feedfarm {

// Coordinator over gRPC, for agents: an adapter. Each stream has its reader in the handler's thread; Synchronize also a writer
// thread with a slot of one desired state, so that an agent that does not read delays only itself.
class AgentServiceAdapter final : public v1::AgentService::Service {
 public:
  // `coordinator` and `clock` (as the coordinator's) are borrowed.
  AgentServiceAdapter(Coordinator* coordinator, const Clock* clock) : coordinator_(coordinator), clock_(clock) {}

  grpc::Status Synchronize(grpc::ServerContext*, grpc::ServerReaderWriter<v1::DesiredState, v1::AgentState>*) override;
  grpc::Status StreamTelemetry(grpc::ServerContext*,
                               grpc::ServerReaderWriter<v1::TelemetryAck, v1::TelemetryInterval>*) override;
  grpc::Status UploadArtifact(grpc::ServerContext*, grpc::ServerReader<v1::ArtifactChunk>*, v1::ArtifactReceipt*) override;

 private:
  Coordinator* const coordinator_;
  const Clock* const clock_;
};

}  // namespace feedfarm
