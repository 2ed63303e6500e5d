#include "agent/local_run.h"

#include <glog/logging.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "agent/files/durable_file.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/record_line.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

// What a run's folder is known by.
constexpr char kRunFile[] = "run";

std::string RunFileText(const RunKey& key, uint64_t epoch) {
  RecordLine line("run");
  line.Add("id", key.run_id).AddUint("role", key.role).AddUint("epoch", epoch);
  return line.Encode() + "\n";
}

struct FoundRun {
  RunKey key;
  uint64_t epoch = 0;
};

std::optional<FoundRun> ReadRunFile(const std::string& folder) {
  absl::StatusOr<std::string> text = ReadWholeFile(absl::StrCat(folder, "/", kRunFile));
  if (!text.ok()) return std::nullopt;
  absl::StatusOr<RecordLine> line = RecordLine::Parse(std::string(absl::StripSuffix(*text, "\n")));
  if (!line.ok() || !line->Find("id")) return std::nullopt;
  absl::StatusOr<uint64_t> role = line->Uint("role");
  absl::StatusOr<uint64_t> epoch = line->Uint("epoch");
  if (!role.ok() || !epoch.ok() || !IsRole(static_cast<int>(*role))) return std::nullopt;
  return FoundRun{{std::string(*line->Find("id")), static_cast<v1::Role>(*role)}, *epoch};
}

void RemoveFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) LOG(WARNING) << "remove " << folder << ": " << error.message();
}

// The ports that the run takes; a profile takes none.
std::vector<std::string> PortsOf(const v1::DesiredRun& run) {
  if (run.role() == v1::ROLE_PROFILE) return {};
  return {run.port_a(), run.port_b()};
}

std::string AgentLogName(v1::Role role) { return absl::StrCat("agent-", RoleName(role), ".log"); }

}  // namespace

LocalRun::LocalRun(Parts parts) : parts_(std::move(parts)) {
  uplink_ = parts_.make_uplink(parts_.key, parts_.epoch, parts_.spool.get());
}

LocalRun::~LocalRun() {
  parts_.spool->Close();
  uplink_.reset();
  if (undo_.joinable()) undo_.join();
  // A role that was never undone ends here.
  role_.reset();
}

absl::Status LocalRun::CheckPorts(const v1::DesiredRun& run) const {
  for (const std::string& port : PortsOf(run)) {
    if (std::find(parts_.ports.begin(), parts_.ports.end(), port) == parts_.ports.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat("'", port, "' is none of this agent's ports (", absl::StrJoin(parts_.ports, ", "), ")"));
    }
  }
  return absl::OkStatus();
}

void LocalRun::Prepare(const v1::DesiredRun& run) {
  absl::Status status = CheckPorts(run);
  if (status.ok()) status = parts_.guard->Remember(parts_.key, PortsOf(run));
  if (status.ok() && parts_.key.role == v1::ROLE_HANDLER &&
      run.scenario().handler().timestamps() == v1::WANTED_TIME_HARDWARE) {
    status = parts_.guard->RememberStamping(parts_.key, PortsOf(run));
  }
  if (!status.ok()) return Say(run_event::RoleFailed{v1::FAILURE_CAUSE_HOST, std::string(status.message())});
  RoleContext context;
  context.sink = [this](RunEvent event) { Say(std::move(event)); };
  context.telemetry = [this](v1::TelemetryInterval interval) {
    interval.set_run_id(parts_.key.run_id);
    interval.set_epoch(parts_.epoch);
    interval.set_role(parts_.key.role);
    if (absl::Status kept = parts_.spool->Append(std::move(interval)); !kept.ok()) {
      parts_.log->Write(absl::StrCat("an interval is lost: ", kept.ToString()));
    }
  };
  context.log = parts_.log.get();
  role_ = parts_.make_role(parts_.key, parts_.folder, std::move(context));
  role_->Prepare(run);
}

void LocalRun::Start(uint64_t start_unix_ns) {
  if (role_ != nullptr) role_->Start(start_unix_ns);
}

void LocalRun::Stop() {
  if (role_ != nullptr) role_->Stop();
}

void LocalRun::Undo() {
  {
    absl::MutexLock lock(&mutex_);
    undoing_ = true;
  }
  undo_ = std::thread([this] {
    if (role_ != nullptr) role_->End();
    std::vector<std::string> residue = parts_.guard->PutBack(parts_.key);
    parts_.log->Write(residue.empty() ? "undone; the host is as it was"
                                      : absl::StrCat("undone, but: ", absl::StrJoin(residue, "; ")));
    if (const uint64_t dropped = parts_.spool->dropped(); dropped > 0) {
      parts_.log->Write(absl::StrCat(dropped, " telemetry intervals were dropped: the spool was full"));
    }
    bool upload;
    {
      absl::MutexLock lock(&mutex_);
      undoing_ = false;
      upload = upload_after_undo_;
    }
    if (upload) SendFiles();
    Say(run_event::Undone{std::move(residue)});
  });
}

void LocalRun::Upload() {
  {
    absl::MutexLock lock(&mutex_);
    // The handler's last words are written while it ends.
    upload_after_undo_ = undoing_;
    if (undoing_) return;
  }
  SendFiles();
}

void LocalRun::SendFiles() {
  uplink_->Upload(ArtifactPaths(), [this](bool complete) { Say(run_event::ArtifactsUploaded{complete}); });
}

std::vector<std::string> LocalRun::ArtifactPaths() const {
  std::vector<std::string> names = {AgentLogName(parts_.key.role)};
  if (parts_.key.role == v1::ROLE_HANDLER) names.insert(names.end(), {"handler.log", "latency.hlog", "counters.json"});
  if (parts_.key.role == v1::ROLE_PROFILE) {
    names.insert(names.end(), {"profile.log", "summary.txt", "summary.json", "proof.json", "profile_manifest.json"});
  }
  for (std::string& name : names) name = absl::StrCat(parts_.folder, "/", name);
  return names;
}

void LocalRun::Forget() { RemoveFolder(parts_.folder); }

void LocalRun::TelemetryAcked(uint64_t sequence) { parts_.spool->Ack(sequence); }

bool LocalRun::TelemetryCollected() const { return parts_.spool->collected(); }

void LocalRun::Describe(v1::ObservedRun* run) const {
  if (role_ != nullptr) role_->Describe(run);
  run->set_telemetry_sequence_last(parts_.spool->last_sequence());
}

absl::StatusOr<std::unique_ptr<LocalRun>> LocalRunFactory::Make(const RunKey& key, uint64_t epoch,
                                                                const std::string& folder, RunEventSink sink) {
  LocalRun::Parts parts;
  parts.key = key;
  parts.epoch = epoch;
  parts.folder = folder;
  parts.guard = options_.guard;
  parts.sink = std::move(sink);
  const std::string name = absl::StrCat(key.run_id, " ", RoleName(key.role));
  FEEDFARM_ASSIGN_OR_RETURN(parts.log, RunLog::Open(folder + "/" + AgentLogName(key.role), name, options_.clock));
  TelemetrySpool::Options spool_options;
  spool_options.path = folder + "/telemetry.spool";
  FEEDFARM_ASSIGN_OR_RETURN(parts.spool, TelemetrySpool::Open(std::move(spool_options)));
  parts.make_uplink = options_.make_uplink;
  parts.make_role = options_.make_role;
  parts.ports = options_.ports;
  return std::make_unique<LocalRun>(std::move(parts));
}

absl::StatusOr<std::unique_ptr<RunWork>> LocalRunFactory::Create(const v1::DesiredRun& run, RunEventSink sink) {
  const RunKey key{run.run_id(), run.role()};
  const std::string folder = absl::StrCat(options_.folder, "/", key.run_id, ".", RoleName(key.role));
  // An earlier epoch's leftovers are not this one's telemetry.
  RemoveFolder(folder);
  if (::mkdir(folder.c_str(), 0755) != 0) return ErrnoStatus(absl::StrCat("mkdir ", folder));
  FEEDFARM_RETURN_IF_ERROR(WriteDurably(absl::StrCat(folder, "/", kRunFile), RunFileText(key, run.epoch())));
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<LocalRun> made, Make(key, run.epoch(), folder, std::move(sink)));
  return made;
}

std::vector<RecoveredRun> LocalRunFactory::Recover(const std::vector<std::string>& failed, RunEventSink sink) {
  std::vector<std::string> folders;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder, error)) folders.push_back(entry.path());
  if (error) LOG(WARNING) << "list " << options_.folder << ": " << error.message();
  std::vector<RecoveredRun> recovered;
  for (const std::string& folder : folders) {
    const std::optional<FoundRun> found = ReadRunFile(folder);
    if (!found.has_value()) {
      LOG(WARNING) << folder << " is no run's: removed";
      RemoveFolder(folder);
      continue;
    }
    RecoveredRun run{found->key, found->epoch, {}, nullptr};
    // The journal's lines name the run.
    const std::string id = absl::StrCat(found->key.run_id, ".", RoleName(found->key.role));
    std::copy_if(failed.begin(), failed.end(), std::back_inserter(run.residue),
                 [&id](const std::string& line) { return line.find(id) != std::string::npos; });
    absl::StatusOr<std::unique_ptr<LocalRun>> work = Make(found->key, found->epoch, folder, sink);
    if (work.ok()) {
      run.work = *std::move(work);
    } else {
      LOG(ERROR) << folder << ": " << work.status();
    }
    recovered.push_back(std::move(run));
  }
  return recovered;
}

}  // namespace feedfarm
