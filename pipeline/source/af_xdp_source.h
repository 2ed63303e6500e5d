#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

// What the cut rule of a line has done, measured in the XDP program.
struct CutAccount {
  uint64_t packets = 0;
  uint64_t first_tai_ns = 0;  // of the first and last packet dropped by the newest rule; 0 = none
  uint64_t last_tai_ns = 0;
};

// Packets of two lines by AF_XDP: one XDP program an interface filters, stamps and redirects into one UMEM.
//
// Threads: one thread owns it. Memory: all allocated and touched in Create. Receive makes no system call unless the
// kernel asks for a wake-up. Receive and Release do not allocate. Order: as received within one queue of an interface;
// sockets are served in turn, each call starting with the next. Ends: everything in the kernel (program, sockets,
// memberships) is held by file descriptors: gone with the process, kill -9 included.
class AfXdpSource final : public LiveSource {
 public:
  // InvalidArgument: options; NotFound: no such interface; FailedPrecondition: MTU too large for a frame, interface
  // down, something required was not granted; PermissionDenied: CAP_NET_ADMIN, CAP_BPF and CAP_NET_RAW are needed; others: the system call's errno and
  // object. EBUSY (the queue's last owner has just died) is tried again for one second.
  static absl::StatusOr<std::unique_ptr<AfXdpSource>> Create(const ReceiveOptions& options);

  ~AfXdpSource() override;

  size_t Receive(std::span<Packet> out) override;
  void Release(std::span<const Packet> packets) override;
  void Wait(uint64_t timeout_ns) override;
  SourceCounters Counters() const override;
  const SourceGrants& grants() const override;
  absl::Status ArmCut(LineId line, uint64_t start_tai_ns, uint64_t duration_ns) override;

  // Ends the line's cut now.
  absl::Status DisarmCut(LineId line);
  absl::StatusOr<CutAccount> Cut(LineId line) const;

 private:
  class Impl;
  explicit AfXdpSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace feedfarm
