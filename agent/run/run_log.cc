#include "agent/run/run_log.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<std::unique_ptr<RunLog>> RunLog::Open(const std::string& path, std::string name, const Clock* clock) {
  ScopedFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  return std::unique_ptr<RunLog>(new RunLog(std::move(fd), std::move(name), clock));
}

void RunLog::Write(absl::string_view text) {
  LOG(INFO) << name_ << ": " << text;
  const absl::Time now = absl::FromUnixNanos(static_cast<int64_t>(clock_->Unix()));
  const std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone()), " ", text, "\n");
  absl::MutexLock lock(&mutex_);
  if (::write(fd_.get(), line.data(), line.size()) < 0) PLOG(WARNING) << name_ << ": its log cannot be written";
}

}  // namespace feedfarm
