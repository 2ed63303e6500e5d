#include "coordinator/artifact/report_writer.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "coordinator/artifact/metrics_json.h"
#include "coordinator/gate/metric_catalog.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/hlog.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;

absl::Status ErrorOf(const std::error_code& error, absl::string_view what, const fs::path& path) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat(what, " ", path.string()));
}

absl::Status SyncPath(const fs::path& path, int flags) {
  const ScopedFd fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path.string()));
  if (fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", path.string()));
  return absl::OkStatus();
}

absl::Status WriteFile(const fs::path& path, absl::string_view content) {
  const ScopedFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("create ", path.string()));
  while (!content.empty()) {
    const ssize_t written = write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(absl::StrCat("write ", path.string()));
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", path.string()));
  return absl::OkStatus();
}

// A name that stays inside its folder, whatever it holds otherwise.
bool IsFileName(absl::string_view name) {
  if (name.empty() || name.size() > 200 || name[0] == '.') return false;
  for (const char c : name) {
    if (c == '/' || absl::ascii_iscntrl(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

absl::Status CopyArtifacts(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (from.empty() || !fs::exists(from, error)) return absl::OkStatus();
  for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_regular_file(error) || entry->is_symlink(error)) continue;
    const std::string name = entry->path().filename().string();
    if (!IsFileName(name)) continue;
    fs::copy_file(entry->path(), to / name, error);
    if (error) return ErrorOf(error, "copy", entry->path());
    FEEDFARM_RETURN_IF_ERROR(SyncPath(to / name, O_RDONLY));
  }
  return error ? ErrorOf(error, "list", from) : absl::OkStatus();
}

absl::StatusOr<std::string> ManifestJson(const v1::Manifest& manifest) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(manifest, &json, options);
  if (!status.ok()) return absl::InternalError(absl::StrCat("manifest as JSON: ", status.ToString()));
  return json;
}

// For a run whose handler did not live to write its own: the judged histograms, one line each.
std::string HlogOf(const v1::RunResult& result) {
  HlogWriter writer(result.started_unix_ns(), "whole run, merged by the coordinator");
  for (const v1::Histogram& histogram : result.handler().histograms()) {
    const auto decoded = DecodeHdrV2Compressed(histogram.hdr_v2_compressed());
    if (!decoded.ok()) continue;
    writer.Append(absl::StrCat(LatencyWord(histogram.metric()), ".", TimestampClassWord(histogram.timestamp_class())),
                  result.started_unix_ns(), std::max(result.started_unix_ns(), result.finished_unix_ns()), *decoded);
  }
  return writer.text();
}

absl::Status WriteRun(const ReportRun& run, const fs::path& folder) {
  std::error_code error;
  if (fs::create_directories(folder, error); error) return ErrorOf(error, "create folder", folder);
  FEEDFARM_RETURN_IF_ERROR(CopyArtifacts(run.artifacts, folder));
  const v1::RunResult& result = run.status.result();
  // A profile has no counters but its own.
  if (run.status.profile_host().empty() && !fs::exists(folder / "counters.json", error)) {
    const std::string metrics =
        MetricsJson(result).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "counters.json", metrics + "\n"));
  }
  if (!result.handler().histograms().empty() && !fs::exists(folder / "latency.hlog", error))
    FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "latency.hlog", HlogOf(result)));
  FEEDFARM_ASSIGN_OR_RETURN(const std::string manifest, ManifestJson(run.manifest));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "manifest.json", manifest));
  return SyncPath(folder, O_RDONLY | O_DIRECTORY);
}

absl::Status WriteAll(const CampaignReport& report, const fs::path& folder) {
  std::error_code error;
  if (fs::create_directories(folder / "runs", error); error) return ErrorOf(error, "create folder", folder);
  for (const ReportRun& run : report.runs) {
    if (!IsFileName(run.status.run_id()))
      return absl::InvalidArgumentError(absl::StrCat("a run id that is no file name: ", run.status.run_id()));
    FEEDFARM_RETURN_IF_ERROR(WriteRun(run, folder / "runs" / run.status.run_id()));
  }
  FEEDFARM_RETURN_IF_ERROR(SyncPath(folder / "runs", O_RDONLY | O_DIRECTORY));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "campaign.yaml", report.campaign.source_text()));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "report.json", ReportJson(report)));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "junit.xml", ReportJunitXml(report)));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(folder / "report.txt", ReportText(report)));
  return SyncPath(folder, O_RDONLY | O_DIRECTORY);
}

// `whole` takes the place of `folder` in one step; what was there goes to `whole`.
absl::Status PutInPlace(const fs::path& whole, const fs::path& folder) {
  std::error_code error;
  const unsigned flags = fs::exists(folder, error) ? RENAME_EXCHANGE : 0;
  if (renameat2(AT_FDCWD, whole.c_str(), AT_FDCWD, folder.c_str(), flags) != 0)
    return ErrnoStatus(absl::StrCat("rename ", whole.string(), " to ", folder.string()));
  return SyncPath(folder.parent_path(), O_RDONLY | O_DIRECTORY);
}

}  // namespace

absl::Status WriteReport(const CampaignReport& report, const fs::path& folder) {
  fs::path target = fs::absolute(folder).lexically_normal();
  if (target.filename().empty()) target = target.parent_path();
  const fs::path partial = target.parent_path() / absl::StrCat(".", target.filename().string(), ".partial");
  std::error_code error;
  fs::remove_all(partial, error);
  absl::Status status = WriteAll(report, partial);
  if (status.ok()) status = PutInPlace(partial, target);
  // Left over: the older report, or half of this one.
  fs::remove_all(partial, error);
  return status;
}

}  // namespace feedfarm
