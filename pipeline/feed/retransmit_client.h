#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/feed/rerequest_channel.h"

namespace feedfarm {

// The re-request server by unicast UDP: a kernel socket, connected, so that only the server's datagrams come in, and
// non-blocking. Buffers are allocated and touched in Create. Owned by the hot thread, which calls it only while
// something is missing. Datagrams longer than kDatagramBytes (a jumbo frame) are dropped and counted.
class RetransmitClient final : public RerequestChannel {
 public:
  static constexpr size_t kDatagramBytes = 9216;

  // address, port: host byte order. Errno of socket, connect.
  static absl::StatusOr<std::unique_ptr<RetransmitClient>> Create(uint32_t address, uint16_t port);

  void Send(std::span<const uint8_t> request) override;
  std::span<const uint8_t> Receive() override;

  // Datagrams that the kernel would not take, and those that were too long.
  uint64_t send_errors() const { return send_errors_; }
  uint64_t truncated() const { return truncated_; }

 private:
  static constexpr size_t kBatch = 16;  // datagrams a system call

  explicit RetransmitClient(ScopedFd socket);
  void ReceiveBatch();

  ScopedFd socket_;
  std::vector<uint8_t> buffers_;
  std::array<mmsghdr, kBatch> headers_{};
  std::array<iovec, kBatch> pieces_{};
  size_t received_ = 0;  // in the buffers
  size_t taken_ = 0;     // of them
  uint64_t send_errors_ = 0;
  uint64_t truncated_ = 0;
};

}  // namespace feedfarm
