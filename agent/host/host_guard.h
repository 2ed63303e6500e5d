#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/host/cgroup.h"
#include "agent/host/host_state.h"
#include "agent/run/run_work.h"
#include "agent/undo/undo_journal.h"
#include "pipeline/xdp/hardware_stamping.h"

namespace feedfarm {

// Keeps the promise that a run leaves the host as it found it: remembers the state before, makes groups only after
// their undo record is durable, puts back what the records say and compares. Thread-safe; calls are serialised, PutBack
// may wait seconds for killed processes. In the network namespace of the ports.
class HostGuard {
 public:
  struct Options {
    // Begins the groups' names: no other agent on this machine has it.
    std::string group_prefix;
    std::string journal_path;
    CgroupOptions cgroups;
    // Borrowed; nullptr = the kernel's own calls.
    StampingDevice* stamping = nullptr;
  };

  // Status: see UndoJournal::Open. `executor` is borrowed.
  static absl::StatusOr<std::unique_ptr<HostGuard>> Open(Options options, UndoExecutor* executor);

  // Undoes everything that an earlier life of the agent left: once, before any run.
  absl::StatusOr<UndoReport> PutBackAll() ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes the state that PutBack compares with: before the run's first side effect.
  absl::Status Remember(const RunKey& key, std::vector<std::string> interfaces) ABSL_LOCKS_EXCLUDED(mutex_);

  // Before a handler that switches hardware stamping on: how the interfaces stamp now, to be put back whatever becomes of
  // the handler. Those whose driver does not tell, or which stamp everything already, have nothing to put back.
  absl::Status RememberStamping(const RunKey& key, const std::vector<std::string>& interfaces)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The run's group, its undo record first.
  absl::StatusOr<Cgroup> MakeGroup(const RunKey& key) ABSL_LOCKS_EXCLUDED(mutex_);

  // Undoes what the run did and compares. One sentence for each thing that is not as it was; empty = clean. Harmless
  // for a run that did nothing.
  std::vector<std::string> PutBack(const RunKey& key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Before {
    HostStateOptions options;
    HostState state;
  };

  HostGuard(Options options, UndoExecutor* executor, UndoJournal journal)
      : options_(std::move(options)), executor_(executor), journal_(std::move(journal)) {}

  std::string GroupName(const RunKey& key) const;

  const Options options_;
  UndoExecutor* const executor_;
  StampingDevice kernel_;
  absl::Mutex mutex_;
  UndoJournal journal_ ABSL_GUARDED_BY(mutex_);
  std::map<RunKey, Before> before_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace feedfarm
