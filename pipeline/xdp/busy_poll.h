#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace feedfarm {

// Asks the kernel to poll the device's queue from the calls of the thread that receives on `socket_fd`, for up to
// `microseconds` and `budget` packets a call, and to leave the queue's interrupts off meanwhile (SO_PREFER_BUSY_POLL,
// SO_BUSY_POLL, SO_BUSY_POLL_BUDGET; Linux 5.11). Errors: errno of the first option refused.
absl::Status AskBusyPoll(int socket_fd, uint32_t microseconds, uint32_t budget);

}  // namespace feedfarm
