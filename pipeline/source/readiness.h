#pragma once

#include <poll.h>

#include <cstdint>
#include <vector>

namespace feedfarm {

// A source's sockets as one thing to sleep on and to ask for trouble. Threads: one.
class Readiness {
 public:
  void Add(int socket_fd);
  // Sleeps until one of the sockets has something, or `timeout_ns` has passed.
  void Wait(uint64_t timeout_ns);
  // Errors that the sockets had so far (SO_ERROR), totals: ENETDOWN where the interface went away. A system call a socket.
  uint64_t Errors();

 private:
  std::vector<pollfd> sockets_;
  uint64_t errors_ = 0;
};

}  // namespace feedfarm
