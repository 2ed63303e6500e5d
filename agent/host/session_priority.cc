#include "agent/host/session_priority.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <unistd.h>

#include <cerrno>

#include "pipeline/base/scoped_fd.h"

namespace feedfarm {

void RaiseOwnSession() {
  if (::getsid(0) != ::getpid()) return;
  ScopedFd group(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
  if (!group.valid()) return;
  constexpr char kMost[] = "-20";
  if (::write(group.get(), kMost, sizeof(kMost) - 1) < 0) PLOG(WARNING) << "session priority not granted";
}

}  // namespace feedfarm
