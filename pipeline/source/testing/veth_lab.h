#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm::testing {

struct VethOptions {
  std::string name = {};  // of the receiving end; the sending end is name + "_tx"
  uint32_t mtu = 1500;
  uint32_t queues = 1;       // of both ends
  std::string address = {};  // of the receiving end, e.g. "10.99.1.1/24"; empty = none
};

// Moves this thread into a new, anonymous network namespace with lo up and no reverse-path filter. It vanishes with the
// last thread and socket in it. PermissionDenied: not root.
absl::Status EnterNewNamespace();

// A veth pair in this thread's namespace, up, without IPv6 chatter.
absl::Status MakeVeth(const VethOptions& options);

// "" where this process may make namespaces and load BPF; else why not, for GTEST_SKIP.
std::string WhyNoLab();

// Sends whole Ethernet frames out of an interface by AF_PACKET.
class FrameSender {
 public:
  static absl::StatusOr<FrameSender> Create(const std::string& interface);
  absl::Status Send(std::span<const uint8_t> frame);

 private:
  explicit FrameSender(ScopedFd fd) : fd_(std::move(fd)) {}
  ScopedFd fd_;
};

// True where an XDP program is attached to the interface (by netlink, as `ip link` sees it).
absl::StatusOr<bool> HasXdpProgram(const std::string& interface);

// Packets that an interface was given to send and lost: a veth whose peer's CPU has no time loses them here.
absl::StatusOr<uint64_t> TransmitDrops(const std::string& interface);

}  // namespace feedfarm::testing
