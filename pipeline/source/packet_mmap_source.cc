#include "pipeline/source/packet_mmap_source.h"

#include <linux/if_packet.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/line_ports.h"
#include "pipeline/source/multicast_membership.h"
#include "pipeline/source/packet_ring.h"
#include "pipeline/source/readiness.h"
#include "pipeline/source/receive_time.h"
#include "pipeline/source/send_trailer.h"
#include "pipeline/source/socket_time.h"
#include "pipeline/source/turn.h"
#include "pipeline/source/udp_frame.h"

namespace feedfarm {
namespace {

// `frames` of the options mean as much memory as they do for the other methods.
constexpr uint64_t kFrameBytes = 2048;
constexpr uint64_t kSecondNs = 1'000'000'000;
// Packet::buffer: the ring in the upper half, the block in the lower.
constexpr uint32_t kRingShift = 32;

void ReadTime(const tpacket3_hdr& header, int64_t tai_offset_ns, Packet& packet) {
  const uint64_t time = header.tp_sec * kSecondNs + header.tp_nsec;
  if ((header.tp_status & TP_STATUS_TS_RAW_HARDWARE) != 0) {
    packet.receive_tai_ns = time;  // the NIC's clock, which is kept on TAI
    packet.timestamp_class = TimestampClass::kHardware;
  } else if ((header.tp_status & TP_STATUS_TS_SOFTWARE) != 0) {
    packet.receive_tai_ns = time + static_cast<uint64_t>(tai_offset_ns);
    packet.timestamp_class = TimestampClass::kSoftware;
  }
  // Else the time is when the ring was filled, not when the packet came.
}

}  // namespace

class PacketMmapSource::Impl {
 public:
  absl::Status Open(const ReceiveOptions& options);

  size_t Receive(std::span<Packet> out);
  void Release(std::span<const Packet> packets);
  void Wait(uint64_t timeout_ns) { readiness_.Wait(timeout_ns); }
  SourceCounters Counters();
  const SourceGrants& grants() const { return grants_; }

 private:
  void ReportGrants(const ReceiveOptions& options, const std::vector<LinePort>& ports);
  size_t ReceiveFrom(size_t ring, int64_t tai_offset_ns, std::span<Packet> out);

  ReceiveTime receive_time_;
  std::vector<std::unique_ptr<PacketRing>> rings_;
  std::vector<MulticastMembership> memberships_;
  Readiness readiness_;
  Turn turn_;
  SourceGrants grants_;
  std::array<uint64_t, kLines> packets_{};
  std::array<uint64_t, kLines> bytes_{};
  uint64_t invalid_ = 0;
};

absl::Status PacketMmapSource::Impl::Open(const ReceiveOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  FEEDFARM_ASSIGN_OR_RETURN(const std::vector<LinePort> ports, FindPorts(options.lines));
  receive_time_ = ReceiveTime(options.timestamps, ports, grants_);
  for (const LinePort& port : ports) {
    FEEDFARM_ASSIGN_OR_RETURN(
        std::unique_ptr<PacketRing> ring,
        PacketRing::Create(port, options.frames * kFrameBytes / ports.size(), options.timestamps));
    readiness_.Add(ring->fd());
    rings_.push_back(std::move(ring));
  }
  if (options.join_groups) {
    FEEDFARM_ASSIGN_OR_RETURN(memberships_, JoinGroups(options.lines));
  }
  ReportGrants(options, ports);
  return CheckRequired(options.required, grants_);
}

void PacketMmapSource::Impl::ReportGrants(const ReceiveOptions& options, const std::vector<LinePort>& ports) {
  grants_.xdp_mode = "none";
  grants_.bind_mode = "ring";
  grants_.timestamp_class = receive_time_.hardware() ? TimestampClass::kHardware : TimestampClass::kSoftware;
  grants_.frame_bytes = rings_[0]->block_bytes();
  for (const LinePort& port : ports) {
    for (LineId line : {LineId::kA, LineId::kB}) {
      if (port.Has(line)) grants_.queues[Index(line)] = port.interface.receive_queues;
    }
  }
  if (options.busy_poll_us != 0) grants_.Refuse(Grant::kBusyPoll, "a packet ring is filled by interrupts alone");
}

size_t PacketMmapSource::Impl::Receive(std::span<Packet> out) {
  const int64_t tai_offset_ns = TaiMinusUnix();
  return turn_.Take(rings_.size(), out, [&](size_t ring, std::span<Packet> part) {
    return ReceiveFrom(ring, tai_offset_ns, part);
  });
}

size_t PacketMmapSource::Impl::ReceiveFrom(size_t ring, int64_t tai_offset_ns, std::span<Packet> out) {
  BlockRing& blocks = rings_[ring]->blocks();
  size_t taken = 0;
  while (taken < out.size()) {
    const std::optional<BlockRing::Frame> frame = blocks.Next();
    if (!frame) break;
    const std::optional<UdpFrame> udp = ParseUdpFrame(frame->bytes);
    const std::optional<LineId> line =
        udp ? rings_[ring]->port().LineOf(udp->destination, udp->port) : std::nullopt;
    if (!line) [[unlikely]] {
      blocks.Release(frame->block);  // given back before it is counted
      ++invalid_;
      continue;
    }
    Packet& packet = out[taken++];
    packet = Packet{.payload = udp->payload.data(),
                    .size = static_cast<uint32_t>(udp->payload.size()),
                    .line = *line,
                    .intended_tai_ns = LoadSendTrailer(udp->behind),
                    .buffer = static_cast<uint64_t>(ring) << kRingShift | frame->block};
    ReadTime(*frame->header, tai_offset_ns, packet);
    ++packets_[Index(*line)];
    bytes_[Index(*line)] += packet.size;
  }
  return taken;
}

void PacketMmapSource::Impl::Release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    rings_.at(packet.buffer >> kRingShift)->blocks().Release(static_cast<uint32_t>(packet.buffer));
  }
}

SourceCounters PacketMmapSource::Impl::Counters() {
  SourceCounters sum;
  for (size_t line = 0; line < kLines; ++line) {
    sum.packets[line] = packets_[line];
    sum.bytes[line] = bytes_[line];
  }
  sum.invalid = invalid_;
  for (const auto& ring : rings_) {
    const PacketRingStatistics& lost = ring->Statistics();
    sum.ring_full += lost.dropped;
    sum.pool_misses += lost.full_blocks;
    sum.invalid += ring->blocks().malformed();
    sum.pool_frames += ring->blocks().blocks();
    sum.pool_available += ring->blocks().available();
  }
  sum.receive_errors = readiness_.Errors();
  return sum;
}

PacketMmapSource::PacketMmapSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PacketMmapSource::~PacketMmapSource() = default;

absl::StatusOr<std::unique_ptr<PacketMmapSource>> PacketMmapSource::Create(const ReceiveOptions& options) {
  auto impl = std::make_unique<Impl>();
  FEEDFARM_RETURN_IF_ERROR(impl->Open(options));
  return std::unique_ptr<PacketMmapSource>(new PacketMmapSource(std::move(impl)));
}

size_t PacketMmapSource::Receive(std::span<Packet> out) { return impl_->Receive(out); }
void PacketMmapSource::Release(std::span<const Packet> packets) { impl_->Release(packets); }
void PacketMmapSource::Wait(uint64_t timeout_ns) { impl_->Wait(timeout_ns); }
SourceCounters PacketMmapSource::Counters() const { return impl_->Counters(); }
const SourceGrants& PacketMmapSource::grants() const { return impl_->grants(); }

absl::Status PacketMmapSource::ArmCut(LineId, uint64_t, uint64_t) {
  return absl::UnimplementedError("packet_mmap cannot cut a line: the cut rule is in the XDP program (--receive af_xdp)");
}

}  // namespace feedfarm
