#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm::glimpse {

// A TCP connection of this side's making, non-blocking throughout. One thread.
class TcpConnection {
 public:
  // Begins to connect; writable when that has come to its end. `address` is a dotted quad (INVALID_ARGUMENT); otherwise
  // errno with the address.
  static absl::StatusOr<TcpConnection> Start(const std::string& address, uint16_t port);

  int fd() const { return fd_.get(); }
  // When writable for the first time: connected, or errno.
  absl::Status Established() const;

  // Bytes received or sent; 0 = none now. Receive: OUT_OF_RANGE at the end of the stream, otherwise errno.
  absl::StatusOr<size_t> Receive(std::span<uint8_t> space) const;
  absl::StatusOr<size_t> Send(std::span<const uint8_t> bytes) const;

 private:
  TcpConnection(ScopedFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  ScopedFd fd_;
  std::string name_;
};

}  // namespace feedfarm::glimpse
