#include "pipeline/glimpse/tcp_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm::glimpse {

absl::StatusOr<TcpConnection> TcpConnection::Start(const std::string& address, uint16_t port) {
  std::string name = absl::StrCat(address, ":", port);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no IPv4 address and port"));
  }
  ScopedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket");
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0 && errno != EINPROGRESS) {
    return ErrnoStatus(absl::StrCat("connect ", name));
  }
  return TcpConnection(std::move(fd), std::move(name));
}

absl::Status TcpConnection::Established() const {
  int error = 0;
  socklen_t bytes = sizeof(error);
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
  return error == 0 ? absl::OkStatus() : ErrnoStatus(absl::StrCat("connect ", name_), error);
}

absl::StatusOr<size_t> TcpConnection::Receive(std::span<uint8_t> space) const {
  const ssize_t bytes = ::recv(fd_.get(), space.data(), space.size(), 0);
  if (bytes > 0) return static_cast<size_t>(bytes);
  if (bytes == 0) return absl::OutOfRangeError(absl::StrCat(name_, " closed the connection"));
  if (errno == EAGAIN || errno == EINTR) return size_t{0};
  return ErrnoStatus(absl::StrCat("receive from ", name_));
}

absl::StatusOr<size_t> TcpConnection::Send(std::span<const uint8_t> bytes) const {
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return size_t{0};
  return ErrnoStatus(absl::StrCat("send to ", name_));
}

}  // namespace feedfarm::glimpse
