#include "pipeline/source/readiness.h"

#include <sys/socket.h>
#include <time.h>

namespace feedfarm {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

}  // namespace

void Readiness::Add(int socket_fd) { sockets_.push_back({.fd = socket_fd, .events = POLLIN, .revents = 0}); }

void Readiness::Wait(uint64_t timeout_ns) {
  const timespec timeout{static_cast<time_t>(timeout_ns / kSecondNs), static_cast<long>(timeout_ns % kSecondNs)};
  if (ppoll(sockets_.data(), sockets_.size(), &timeout, nullptr) <= 0) return;
  bool broken = false;
  for (const pollfd& socket : sockets_) broken = broken || (socket.revents & (POLLERR | POLLNVAL)) != 0;
  // Taken, or every further sleep would end at once.
  if (broken) Errors();
}

uint64_t Readiness::Errors() {
  for (const pollfd& socket : sockets_) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) ++errors_;
  }
  return errors_;
}

}  // namespace feedfarm
