#pragma once

#include <atomic>

#include "coordinator/coordinator.h"
#include "proto/farm_service.grpc.pb.h"

namespace feedfarm {

// Coordinator over gRPC, for people: an adapter without state of its own. A watcher waits in its own thread and
// fetches the latest snapshot when something has changed, so a slow one delays nobody.
class FarmServiceAdapter final : public v1::FarmService::Service {
 public:
  // `coordinator` is borrowed.
  explicit FarmServiceAdapter(Coordinator* coordinator) : coordinator_(coordinator) {}

  // Ends the watches that wait; before the server's Shutdown.
  void Stop() { stopping_ = true; }

  grpc::Status Submit(grpc::ServerContext*, const v1::SubmitRequest*, v1::SubmitReply*) override;
  grpc::Status Plan(grpc::ServerContext*, const v1::SubmitRequest*, v1::PlanReply*) override;
  grpc::Status Watch(grpc::ServerContext*, const v1::WatchRequest*, grpc::ServerWriter<v1::CampaignStatus>*) override;
  grpc::Status Cancel(grpc::ServerContext*, const v1::CancelRequest*, v1::CancelReply*) override;
  grpc::Status List(grpc::ServerContext*, const v1::ListRequest*, v1::ListReply*) override;
  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest*, v1::CampaignStatus*) override;
  grpc::Status ListHosts(grpc::ServerContext*, const v1::ListHostsRequest*, v1::ListHostsReply*) override;
  grpc::Status GetHost(grpc::ServerContext*, const v1::GetHostRequest*, v1::HostStatus*) override;
  grpc::Status GetReport(grpc::ServerContext*, const v1::GetReportRequest*, grpc::ServerWriter<v1::ReportChunk>*) override;

 private:
  Coordinator* const coordinator_;
  std::atomic<bool> stopping_{false};
};

}  // namespace feedfarm
