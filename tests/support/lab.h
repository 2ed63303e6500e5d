#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// What a command gave.
struct CommandResult {
  int exit_code = -1;  // 128 + signal where it was killed
  std::string out;
  std::string err;
};

// Runs `arguments` (found by PATH) to its end with a bound of `timeout_s`, after which it is killed. Environment is inherited;
// entries of `environment` ("NAME=value") are added.
CommandResult RunCommand(const std::vector<std::string>& arguments, int timeout_s = 120,
                         const std::vector<std::string>& environment = {});

// A command that goes on beside the test; killed and reaped at the end of its life.
class BackgroundCommand {
 public:
  static absl::StatusOr<std::unique_ptr<BackgroundCommand>> Start(const std::vector<std::string>& arguments,
                                                                  const std::vector<std::string>& environment = {});
  ~BackgroundCommand();
  void Signal(int signal) const;
  pid_t pid() const { return pid_; }
  // Waits for its end, at most `timeout_s`, then kills it.
  CommandResult Wait(int timeout_s = 120);

 private:
  BackgroundCommand(pid_t pid, std::string out_path, std::string err_path);
  pid_t pid_;
  bool reaped_ = false;
  std::string out_path_, err_path_;
};

// True, or the reason why the lab cannot be here (no root, no namespaces).
std::optional<std::string> LabUnavailable();

// The local lab with the daemons of this build running in it: tools/lab/lab from the test's runfiles. Removed with its test process,
// however that ends.
class Lab {
 public:
  // Makes the namespaces and starts coordinator and agents; both hosts are fit.
  static absl::StatusOr<std::unique_ptr<Lab>> Create();
  ~Lab();

  const std::string& id() const { return id_; }
  std::string folder() const;
  std::string socket() const;

  // feedfarm ARGUMENTS against this lab's coordinator.
  CommandResult Feedfarm(const std::vector<std::string>& arguments, int timeout_s = 120) const;
  std::vector<std::string> FeedfarmCommand(const std::vector<std::string>& arguments) const;

  // Submits a campaign file with --wait and asks the coordinator for what it stored.
  struct CampaignOutcome {
    int exit_code = -1;  // of the submit
    std::string out, err;
    v1::CampaignStatus status;  // empty where nothing was stored
    // The scenario's first run; a default one where there is none.
    const v1::RunResult& Run(const std::string& scenario) const;
  };
  CampaignOutcome RunCampaignFile(const std::string& path, const std::vector<std::string>& flags = {},
                                  int timeout_s = 180) const;
  // The same for a text.
  CampaignOutcome RunCampaign(const std::string& yaml, const std::vector<std::string>& flags = {}, int timeout_s = 180) const;
  // A campaign as the coordinator has it now; empty where there is none, or no coordinator.
  v1::CampaignStatus Status(const std::string& campaign_id) const;
  // The newest campaign's id, or "".
  std::string NewestCampaign() const;
  std::vector<v1::HostStatus> Hosts() const;
  std::string WriteCampaign(const std::string& yaml) const;

  // Blocks until `holds` is true, asking every 50 ms; false after `timeout_s`.
  static bool Eventually(const std::function<bool()>& holds, int timeout_s = 30);

  // Process id of "coordinator", "src" or "dut"; 0 where there is none.
  pid_t Daemon(const std::string& name) const;
  // Ids of this program's processes on a host of the lab.
  std::vector<pid_t> Processes(const std::string& host, const std::string& program) const;
  // Those of feedfarm-handler on dut.
  std::vector<pid_t> Handlers() const { return Processes("dut", "feedfarm-handler"); }
  // Starts a daemon again after it was killed.
  void Restart(const std::string& name) const;
  // A command inside a namespace of the lab ("src", "dut", "coord").
  CommandResult Exec(const std::string& host, const std::vector<std::string>& command) const;

  // What is left in the lab of a run: XDP programs on its ports, children of the agents. Empty = nothing.
  std::string Residue() const;

 private:
  explicit Lab(std::string id) : id_(std::move(id)) {}
  std::string id_;
};

}  // namespace feedfarm
