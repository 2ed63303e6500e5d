#pragma once

#include <string>

#include "absl/status/status.h"
#include "agent/host/cgroup.h"
#include "agent/undo/undo_journal.h"
#include "pipeline/xdp/hardware_stamping.h"

namespace feedfarm {

// Undoes records on this host. Run it in the network namespace of the interfaces. Any thread, one at a time.
class SystemUndo final : public UndoExecutor {
 public:
  struct Options {
    CgroupOptions cgroups;
    std::string sysctl_root = "/proc/sys";
    // Borrowed; nullptr = the kernel's own calls.
    StampingDevice* stamping = nullptr;
  };

  SystemUndo() = default;
  explicit SystemUndo(Options options) : options_(std::move(options)) {}

  // OK also where the object is gone. INVALID_ARGUMENT: a record that makes no sense (wrong arguments, a relative
  // path).
  absl::Status Undo(const UndoRecord& record) override;

 private:
  absl::Status RestoreSysctl(const std::string& name, const std::string& value) const;
  absl::Status RestoreStamping(const UndoRecord& record);

  Options options_;
  StampingDevice kernel_;
};

}  // namespace feedfarm
