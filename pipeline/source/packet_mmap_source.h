#pragma once

#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

// Packets of two lines from a TPACKET_V3 ring an interface (packet_ring.h): works on every interface, needs no XDP and
// sees whole frames, VLAN tags and send trailers included. It sees what XDP lets through, and the kernel's stack still
// sees each packet too.
//
// The kernel hands over whole blocks: full ones, or after PacketRing::kRetireMs; a lone packet waits so long. The
// pool of the counters is the rings' blocks: a block is back when each of its packets was released, and a miss is the
// kernel finding the next block in the user's hands. Receive makes no system call. Receive times are the kernel's
// software stamps converted from CLOCK_REALTIME to CLOCK_TAI, or the NIC's where it stamped; where the kernel says
// neither, the class is kNone. Threads: one thread owns it. Order: as received on one interface.
class PacketMmapSource final : public LiveSource {
 public:
  // InvalidArgument: options; NotFound: no such interface; FailedPrecondition: it is down, or something required was
  // not granted; PermissionDenied: CAP_NET_RAW; others: the system call's errno and object.
  static absl::StatusOr<std::unique_ptr<PacketMmapSource>> Create(const ReceiveOptions& options);

  ~PacketMmapSource() override;

  size_t Receive(std::span<Packet> out) override;
  void Release(std::span<const Packet> packets) override;
  void Wait(uint64_t timeout_ns) override;
  SourceCounters Counters() const override;
  const SourceGrants& grants() const override;
  // Always Unimplemented: a cut is a rule in the XDP program.
  absl::Status ArmCut(LineId line, uint64_t start_tai_ns, uint64_t duration_ns) override;

 private:
  class Impl;
  explicit PacketMmapSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace feedfarm
