#include "agent/host/host_guard.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pipeline/base/status_macros.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

// What the journal knows a run by: a host may carry both roles of one run.
std::string JournalId(const RunKey& key) { return absl::StrCat(key.run_id, ".", RoleName(key.role)); }

// The kernel lets go of a dead process's XDP program and sockets a little after it is reaped.
constexpr absl::Duration kSettle = absl::Seconds(3);
constexpr absl::Duration kSettleStep = absl::Milliseconds(20);

std::vector<std::string> SettledDifference(const HostStateOptions& options, const HostState& before) {
  for (absl::Duration waited;; waited += kSettleStep) {
    absl::StatusOr<HostState> after = TakeHostState(options);
    if (!after.ok()) return {absl::StrCat("the host's state is unknown: ", after.status().ToString())};
    std::vector<std::string> difference = Difference(before, *after);
    if (difference.empty() || waited >= kSettle) return difference;
    absl::SleepFor(kSettleStep);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<HostGuard>> HostGuard::Open(Options options, UndoExecutor* executor) {
  UndoJournal::Options journal_options;
  journal_options.path = options.journal_path;
  FEEDFARM_ASSIGN_OR_RETURN(UndoJournal journal, UndoJournal::Open(std::move(journal_options)));
  return std::unique_ptr<HostGuard>(new HostGuard(std::move(options), executor, std::move(journal)));
}

std::string HostGuard::GroupName(const RunKey& key) const {
  return absl::StrCat(options_.group_prefix, ".", key.run_id, ".", RoleName(key.role));
}

absl::StatusOr<UndoReport> HostGuard::PutBackAll() {
  absl::MutexLock lock(&mutex_);
  return journal_.Replay(*executor_);
}

absl::Status HostGuard::Remember(const RunKey& key, std::vector<std::string> interfaces) {
  Before before;
  before.options.interfaces = std::move(interfaces);
  before.options.group_prefix = GroupName(key);
  before.options.cgroups = options_.cgroups;
  FEEDFARM_ASSIGN_OR_RETURN(before.state, TakeHostState(before.options));
  absl::MutexLock lock(&mutex_);
  before_.insert_or_assign(key, std::move(before));
  return absl::OkStatus();
}

absl::Status HostGuard::RememberStamping(const RunKey& key, const std::vector<std::string>& interfaces) {
  StampingDevice& device = options_.stamping != nullptr ? *options_.stamping : kernel_;
  absl::MutexLock lock(&mutex_);
  for (const std::string& interface : interfaces) {
    const absl::StatusOr<hwtstamp_config> now = device.Get(interface);
    if (!now.ok() || now->rx_filter == HWTSTAMP_FILTER_ALL) continue;
    FEEDFARM_RETURN_IF_ERROR(journal_
                                 .Begin({UndoKind::kRestoreStamping,
                                         JournalId(key),
                                         {interface, absl::StrCat(now->rx_filter), absl::StrCat(now->tx_type)}})
                                 .status());
  }
  return absl::OkStatus();
}

absl::StatusOr<Cgroup> HostGuard::MakeGroup(const RunKey& key) {
  absl::MutexLock lock(&mutex_);
  FEEDFARM_RETURN_IF_ERROR(journal_.Begin({UndoKind::kKillCgroup, JournalId(key), {GroupName(key)}}).status());
  return Cgroup::Create(GroupName(key), options_.cgroups);
}

std::vector<std::string> HostGuard::PutBack(const RunKey& key) {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> residue;
  absl::StatusOr<UndoReport> report = journal_.ReplayRun(*executor_, JournalId(key));
  if (!report.ok()) {
    residue.push_back(absl::StrCat("undo journal: ", report.status().ToString()));
  } else {
    residue = report->failed;
  }
  const auto found = before_.find(key);
  if (found == before_.end()) return residue;
  for (std::string& difference : SettledDifference(found->second.options, found->second.state)) {
    residue.push_back(std::move(difference));
  }
  before_.erase(found);
  return residue;
}

}  // namespace feedfarm
