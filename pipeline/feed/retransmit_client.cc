#include "pipeline/feed/retransmit_client.h"

#include <arpa/inet.h>

#include <utility>

#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Answers to 32 requests under way fit many times; what does not is asked again.
constexpr int kReceiveBufferBytes = 4 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<RetransmitClient>> RetransmitClient::Create(uint32_t address, uint16_t port) {
  ScopedFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket for re-requests");
  // Best effort: the kernel may grant less.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof(kReceiveBufferBytes));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_addr.s_addr = htonl(address);
  server.sin_port = htons(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0) {
    return ErrnoStatus("connect to the re-request server");
  }
  return std::unique_ptr<RetransmitClient>(new RetransmitClient(std::move(fd)));
}

RetransmitClient::RetransmitClient(ScopedFd socket) : socket_(std::move(socket)), buffers_(kBatch * kDatagramBytes) {
  for (size_t i = 0; i < kBatch; ++i) {
    pieces_[i] = {buffers_.data() + i * kDatagramBytes, kDatagramBytes};
    headers_[i].msg_hdr.msg_iov = &pieces_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

void RetransmitClient::Send(std::span<const uint8_t> request) {
  // ECONNREFUSED tells of an earlier request; the timeout handles that and every other failure.
  if (::send(socket_.get(), request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) ++send_errors_;
}

void RetransmitClient::ReceiveBatch() {
  taken_ = received_ = 0;
  const int count = ::recvmmsg(socket_.get(), headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (count > 0) received_ = static_cast<size_t>(count);
}

std::span<const uint8_t> RetransmitClient::Receive() {
  if (taken_ == received_) ReceiveBatch();
  while (taken_ < received_) {
    const size_t i = taken_++;
    if ((headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      ++truncated_;
    } else if (headers_[i].msg_len != 0) {
      return {buffers_.data() + i * kDatagramBytes, headers_[i].msg_len};
    }
  }
  return {};
}

}  // namespace feedfarm
