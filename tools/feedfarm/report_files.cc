#include "tools/feedfarm/report_files.h"

#include <fstream>
#include <functional>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

// `path`: one file; empty = all.
absl::Status ForEachChunk(CliContext& context, const std::string& campaign_id, const std::string& path,
                          const std::function<absl::Status(const v1::ReportChunk&)>& take) {
  v1::GetReportRequest request;
  request.set_campaign_id(campaign_id);
  request.set_path(path);
  auto call = CallContext(60);
  auto stream = context.Stub().GetReport(call.get(), request);
  v1::ReportChunk chunk;
  absl::Status taken;
  while (taken.ok() && stream->Read(&chunk)) taken = take(chunk);
  if (!taken.ok()) call->TryCancel();
  const grpc::Status status = stream->Finish();
  if (!taken.ok()) return taken;
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

bool StaysInside(const std::filesystem::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const auto& part : path) {
    if (part == ".." || part == ".") return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> FetchReportFile(CliContext& context, const std::string& campaign_id, const std::string& path) {
  std::string content;
  bool found = false;
  const absl::Status status = ForEachChunk(context, campaign_id, path, [&](const v1::ReportChunk& chunk) {
    // A coordinator of an earlier build sends all of them.
    if (chunk.path() == path) {
      content += chunk.content();
      found = true;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (!found) return absl::NotFoundError(absl::StrCat("the report of ", campaign_id, " has no ", path));
  return content;
}

absl::Status FetchReportFolder(CliContext& context, const std::string& campaign_id, const std::filesystem::path& out) {
  std::set<std::string> begun;
  return ForEachChunk(context, campaign_id, /*path=*/"", [&](const v1::ReportChunk& chunk) -> absl::Status {
    const std::filesystem::path path(chunk.path());
    if (!StaysInside(path)) return absl::InvalidArgumentError(absl::StrCat("the coordinator named a file '", chunk.path(), "'"));
    std::error_code error;
    std::filesystem::create_directories((out / path).parent_path(), error);
    const auto mode = begun.insert(chunk.path()).second ? std::ios::trunc : std::ios::app;
    std::ofstream file(out / path, std::ios::binary | std::ios::out | mode);
    file << chunk.content();
    file.close();
    if (!file) return absl::DataLossError(absl::StrCat("cannot write ", (out / path).string()));
    return absl::OkStatus();
  });
}

}  // namespace feedfarm
