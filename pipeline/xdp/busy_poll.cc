#include "pipeline/xdp/busy_poll.h"

#include <sys/socket.h>

#include "pipeline/base/status_macros.h"

// asm-generic/socket.h of Linux 5.11 on.
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

namespace feedfarm {

absl::Status AskBusyPoll(int socket_fd, uint32_t microseconds, uint32_t budget) {
  struct Option {
    int number;
    const char* name;
    uint32_t value;
  };
  for (const Option& option : {Option{SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL", 1},
                               Option{SO_BUSY_POLL, "SO_BUSY_POLL", microseconds},
                               Option{SO_BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET", budget}}) {
    const int value = static_cast<int>(option.value);
    if (setsockopt(socket_fd, SOL_SOCKET, option.number, &value, sizeof(value)) != 0) return ErrnoStatus(option.name);
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
