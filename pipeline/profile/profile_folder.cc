#include "pipeline/profile/profile_folder.h"

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pipeline/base/sha256.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/profile/host_facts.h"

namespace feedfarm {
namespace {

namespace fs = std::filesystem;

absl::Status WriteFile(const fs::path& path, const std::string& text) {
  const fs::path unfinished = path.string() + ".new";
  {
    std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return ErrnoStatus(absl::StrCat("write ", unfinished.string()));
  }
  std::error_code error;
  fs::rename(unfinished, path, error);
  if (error) return absl::InternalError(absl::StrCat("rename to ", path.string(), ": ", error.message()));
  return absl::OkStatus();
}

std::string OwnDigest() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return file ? Sha256Hex(bytes.str()) : "";
}

std::string TimeText(uint64_t unix_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixNanos(static_cast<int64_t>(unix_ns)),
                          absl::UTCTimeZone());
}

std::string ManifestText(const fs::path& folder, const ProfileReport& report, const ProfileRun& run) {
  const HostFacts host = ReadHostFacts();
  nlohmann::ordered_json json = {
      {"schema", "feedfarm.profile-manifest.v1"},
      {"profile", report.profile()},
      {"command", run.command},
      {"commit", run.build.commit},
      {"dirty", run.build.dirty},
      {"compiler", run.build.compiler},
      {"binary_sha256", OwnDigest()},
      {"allocator", run.build.allocator},
      {"system", host.system},
      {"kernel", host.kernel},
      {"cpu", host.cpu},
      {"cpus", host.cpus},
      {"host_class", HostClass(host)},
      {"nic", run.nic},
      {"nic_driver", run.nic.empty() ? "" : NicDriver(run.nic)},
      {"timestamp_source", run.timestamp_source},
      {"config", run.config},
      {"config_path", run.config_path},
      {"config_sha256", Sha256Hex(run.config)},
      {"seed", run.seed},
      {"artifact_path", folder.string()},
      {"started", TimeText(run.started_unix_ns)},
      {"finished", TimeText(run.finished_unix_ns)},
  };
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::Status WriteProfileFolder(const fs::path& folder, const ProfileReport& report, const ProfileRun& run) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error).lexically_normal();
  if (!error) fs::create_directories(absolute, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(folder.string(), ": ", error.message()));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(absolute / "summary.txt", report.Line() + "\n"));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(absolute / "summary.json", report.Json()));
  FEEDFARM_RETURN_IF_ERROR(WriteFile(absolute / run.manifest_name, ManifestText(absolute, report, run)));
  if (!run.farm_manifest.empty()) {
    FEEDFARM_RETURN_IF_ERROR(WriteFile(absolute / "farm_manifest.json", run.farm_manifest));
  }
  return WriteFile(absolute / "proof.json", report.ProofJson());
}

}  // namespace feedfarm
