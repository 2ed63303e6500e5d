#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {

// What the agent did for one run, a line each with its time: in a file that goes into the run's report, and in the
// agent's own log. Thread-safe. A line that cannot be written to the file is only in the agent's log.
class RunLog {
 public:
  // Appends to `path`. `name` stands before each line in the agent's log. `clock` is borrowed. Errno of open.
  static absl::StatusOr<std::unique_ptr<RunLog>> Open(const std::string& path, std::string name, const Clock* clock);

  void Write(absl::string_view text) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  RunLog(ScopedFd fd, std::string name, const Clock* clock)
      : fd_(std::move(fd)), name_(std::move(name)), clock_(clock) {}

  absl::Mutex mutex_;
  ScopedFd fd_ ABSL_GUARDED_BY(mutex_);
  const std::string name_;
  const Clock* const clock_;
};

}  // namespace feedfarm
