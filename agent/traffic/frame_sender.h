#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/traffic/line_frame.h"
#include "pipeline/base/scoped_fd.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Sends one line's frames out of one interface: an AF_PACKET socket, a batch in one sendmmsg, past the queueing
// discipline where the kernel grants that. All memory is allocated and touched by Create. Owned by one thread.
//
//   for (slot : 0..n) { write at payload(slot); Prepare(slot, bytes, intended); }
//   SendBatch(n);
class FrameSender {
 public:
  static constexpr size_t kSlots = 32;

  // `to` is a multicast group and port. INVALID_ARGUMENT: it is none. Otherwise the host's fault: FAILED_PRECONDITION
  // where the interface does not exist, is down or has no IPv4 address; PERMISSION_DENIED without CAP_NET_RAW.
  static absl::StatusOr<FrameSender> Create(const std::string& interface, const v1::Endpoint& to);

  // Where the slot's payload goes, at most payload_bytes_max().
  uint8_t* payload(size_t slot) { return frame(slot) + LineFrame::kHeaderBytes; }
  size_t payload_bytes_max() const { return line_.payload_bytes_max(); }

  void Prepare(size_t slot, size_t payload_bytes, uint64_t intended_tai_ns) {
    vectors_[slot].iov_len = line_.Finish(frame(slot), payload_bytes, intended_tai_ns);
  }

  // Sends slots [0, count) in order and returns how many went out. A full device queue is tried again, kTriesMax
  // times a frame; then, and for any other error, that frame is given up and the next one follows.
  size_t SendBatch(size_t count);

  // The interface's IPv4 address, host byte order.
  uint32_t address() const { return address_; }

 private:
  static constexpr int kTriesMax = 1000;

  FrameSender(ScopedFd fd, const LineFrame& line, uint32_t mtu, uint32_t address);
  uint8_t* frame(size_t slot) { return frames_.data() + slot * frame_bytes_; }

  ScopedFd fd_;
  LineFrame line_;
  uint32_t address_;
  size_t frame_bytes_;
  std::vector<uint8_t> frames_;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> messages_;
};

// "10.1.2.3".
std::string AddressText(uint32_t address);
// INVALID_ARGUMENT: not a dotted quad.
absl::StatusOr<uint32_t> ParseAddress(const std::string& text);

}  // namespace feedfarm
