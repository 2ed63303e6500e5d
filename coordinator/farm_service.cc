#include "coordinator/farm_service.h"

#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "coordinator/grpc_status.h"

namespace feedfarm {
namespace {

// A watch looks this often whether its client is still there.
constexpr absl::Duration kWatchWait = absl::Milliseconds(500);
// Changes that come faster than this are one to a watcher.
constexpr absl::Duration kWatchPause = absl::Milliseconds(100);
constexpr size_t kChunkBytes = 256 << 10;

template <class Reply>
grpc::Status Answer(absl::StatusOr<Reply> from, Reply* reply) {
  if (!from.ok()) return ToGrpc(from.status());
  *reply = *std::move(from);
  return grpc::Status::OK;
}

absl::Status SendFile(const std::filesystem::path& folder, const std::filesystem::path& file,
                      grpc::ServerWriter<v1::ReportChunk>* writer) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::DataLossError(absl::StrCat("cannot open ", file.string()));
  std::string buffer(kChunkBytes, '\0');
  bool first = true;
  for (;;) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const size_t size = static_cast<size_t>(in.gcount());
    // An empty file is one empty chunk.
    if (size == 0 && !first) return absl::OkStatus();
    v1::ReportChunk chunk;
    chunk.set_path(file.lexically_relative(folder).string());
    chunk.set_content(buffer.data(), size);
    if (!writer->Write(chunk)) return absl::CancelledError("the client went away");
    if (in.bad()) return absl::DataLossError(absl::StrCat("cannot read ", file.string()));
    if (!in) return absl::OkStatus();
    first = false;
  }
}

}  // namespace

grpc::Status FarmServiceAdapter::Submit(grpc::ServerContext*, const v1::SubmitRequest* request, v1::SubmitReply* reply) {
  return Answer(coordinator_->Submit(*request), reply);
}

grpc::Status FarmServiceAdapter::Plan(grpc::ServerContext*, const v1::SubmitRequest* request, v1::PlanReply* reply) {
  return Answer(coordinator_->Plan(*request), reply);
}

grpc::Status FarmServiceAdapter::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                                       grpc::ServerWriter<v1::CampaignStatus>* writer) {
  uint64_t seen = 0;
  absl::StatusOr<v1::CampaignStatus> status = coordinator_->Get(request->campaign_id());
  // Known campaigns only: the signal keeps a version for each id that is asked for.
  if (!status.ok()) return ToGrpc(status.status());
  seen = coordinator_->changes().Wait(request->campaign_id(), 0, absl::ZeroDuration());
  status = coordinator_->Get(request->campaign_id());
  while (status.ok()) {
    if (!writer->Write(*status) || status->finished()) return grpc::Status::OK;
    absl::SleepFor(kWatchPause);
    for (;;) {
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      if (stopping_) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the coordinator is stopping");
      const uint64_t version = coordinator_->changes().Wait(request->campaign_id(), seen, kWatchWait);
      if (std::exchange(seen, version) != version) break;
    }
    status = coordinator_->Get(request->campaign_id());
  }
  return ToGrpc(status.status());
}

grpc::Status FarmServiceAdapter::Cancel(grpc::ServerContext*, const v1::CancelRequest* request, v1::CancelReply*) {
  return ToGrpc(coordinator_->Cancel(request->campaign_id()));
}

grpc::Status FarmServiceAdapter::List(grpc::ServerContext*, const v1::ListRequest* request, v1::ListReply* reply) {
  *reply = coordinator_->List(request->limit());
  return grpc::Status::OK;
}

grpc::Status FarmServiceAdapter::Get(grpc::ServerContext*, const v1::GetRequest* request, v1::CampaignStatus* reply) {
  return Answer(coordinator_->Get(request->campaign_id()), reply);
}

grpc::Status FarmServiceAdapter::ListHosts(grpc::ServerContext*, const v1::ListHostsRequest*, v1::ListHostsReply* reply) {
  *reply = coordinator_->ListHosts();
  return grpc::Status::OK;
}

grpc::Status FarmServiceAdapter::GetHost(grpc::ServerContext*, const v1::GetHostRequest* request, v1::HostStatus* reply) {
  return Answer(coordinator_->GetHost(request->name()), reply);
}

grpc::Status FarmServiceAdapter::GetReport(grpc::ServerContext*, const v1::GetReportRequest* request,
                                           grpc::ServerWriter<v1::ReportChunk>* writer) {
  const absl::StatusOr<std::filesystem::path> folder = coordinator_->ReportFolder(request->campaign_id());
  if (!folder.ok()) return ToGrpc(folder.status());
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (auto at = std::filesystem::recursive_directory_iterator(*folder, error);
       !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    // One file is found among those that there are: no path leads out of the folder.
    const bool wanted = request->path().empty() || at->path().lexically_relative(*folder) == request->path();
    if (wanted && at->is_regular_file(error)) files.push_back(at->path());
  }
  if (error) {
    return grpc::Status(grpc::StatusCode::DATA_LOSS, absl::StrCat("report ", folder->string(), ": ", error.message()));
  }
  if (files.empty() && !request->path().empty()) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND,
                        absl::StrCat("the report of ", request->campaign_id(), " has no ", request->path()));
  }
  for (const std::filesystem::path& file : files) {
    if (const absl::Status sent = SendFile(*folder, file, writer); !sent.ok()) return ToGrpc(sent);
  }
  return grpc::Status::OK;
}

}  // namespace feedfarm
