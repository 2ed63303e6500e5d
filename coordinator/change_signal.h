#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace feedfarm {

// Tells watchers that a campaign has changed. A queue of one: a watcher that was slow finds one change, whatever their number, and
// fetches the latest snapshot. Nobody who notifies ever waits for a watcher. Thread-safe.
class ChangeSignal {
 public:
  void Notify(const std::string& campaign_id) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    ++versions_[campaign_id];
    changed_.SignalAll();
  }

  // Waits until the campaign's version is above `seen` or the time is over; the version then.
  uint64_t Wait(const std::string& campaign_id, uint64_t seen, absl::Duration at_most) ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::Time deadline = absl::Now() + at_most;
    absl::MutexLock lock(&mutex_);
    while (versions_[campaign_id] <= seen) {
      if (changed_.WaitWithDeadline(&mutex_, deadline)) break;
    }
    return versions_[campaign_id];
  }

 private:
  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::map<std::string, uint64_t> versions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace feedfarm
