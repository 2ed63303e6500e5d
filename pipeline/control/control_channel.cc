#include "pipeline/control/control_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace feedfarm {

ControlChannel::ControlChannel(int fd) : fd_(fd) {}

absl::Status ControlChannel::Closed() {
  closed_ = true;
  return absl::UnavailableError("the control socket is closed");
}

absl::Status ControlChannel::Say(const RecordLine& line) {
  const std::string text = line.Encode() + "\n";
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t count = fd_.valid() ? ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL)
                                      : ::write(STDOUT_FILENO, text.data() + sent, text.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Closed();
    sent += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status ControlChannel::Read() {
  char bytes[4096];
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (count > 0) {
      const absl::Status status = reader_.Append(std::string_view(bytes, static_cast<size_t>(count)));
      if (!status.ok()) return status;
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return absl::OkStatus();
    return Closed();
  }
}

}  // namespace feedfarm
