#include "pipeline/source/af_xdp_source.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/line_ports.h"
#include "pipeline/source/multicast_membership.h"
#include "pipeline/source/pool_account.h"
#include "pipeline/source/readiness.h"
#include "pipeline/source/receive_time.h"
#include "pipeline/source/send_trailer.h"
#include "pipeline/source/turn.h"
#include "pipeline/source/udp_frame.h"
#include "pipeline/xdp/feed_filter_abi.h"
#include "pipeline/xdp/network_interface.h"
#include "pipeline/xdp/umem_pool.h"
#include "pipeline/xdp/xdp_program.h"
#include "pipeline/xdp/xsk_socket.h"
#include "pipeline/xdp/xsk_umem.h"

namespace feedfarm {
namespace {

static_assert(kLines == FEED_FILTER_LINES);
static_assert(static_cast<int>(TimestampClass::kSoftware) == FEED_FILTER_CLASS_SOFTWARE);
static_assert(static_cast<int>(TimestampClass::kHardware) == FEED_FILTER_CLASS_HARDWARE);

constexpr uint32_t kHeadroomBytes = kXdpHeadroomBytes + kMetadataHeadroomBytes;
// What a frame holds beside the MTU's bytes: Ethernet, two VLAN tags, the send trailer.
constexpr uint32_t kFrameOverheadBytes = ETH_HLEN + 2 * 4 + kSendTrailerBytes;
constexpr uint32_t kCacheLineBytes = 64;
// __builtin_prefetch's second and third argument.
constexpr int kForReading = 0, kNonTemporal = 0;
constexpr uint32_t kFrameBytesSmall = 2048;
constexpr uint32_t kFrameBytesLarge = 4096;

absl::StatusOr<uint32_t> FrameBytesFor(const NetworkInterface& interface) {
  const uint32_t needed = kHeadroomBytes + kFrameOverheadBytes + interface.mtu;
  if (needed <= kFrameBytesSmall) return kFrameBytesSmall;
  if (needed <= kFrameBytesLarge) return kFrameBytesLarge;
  return absl::FailedPreconditionError(absl::StrCat(interface.name, " has MTU ", interface.mtu, ": AF_XDP frames of ",
                                                    kFrameBytesLarge, " bytes hold an MTU of at most ",
                                                    kFrameBytesLarge - kHeadroomBytes - kFrameOverheadBytes));
}

// Receive queues to serve: all, or as many as are asked for.
absl::StatusOr<uint32_t> QueuesOf(const LinePort& port, uint32_t asked) {
  const uint32_t there = port.interface.receive_queues;
  if (asked <= there) return asked == 0 ? there : asked;
  return absl::InvalidArgumentError(absl::StrCat(port.interface.name, " has ", there, " receive queues, not ", asked));
}

XdpProgramOptions ProgramOptions(const LinePort& port, const ReceiveOptions& options) {
  XdpProgramOptions program{.interface = port.interface,
                            .endpoints = {},
                            .force_skb_mode = options.force_skb_mode,
                            .ask_hardware_time = options.timestamps != WantedTime::kSoftware};
  for (size_t line = 0; line < kLines; ++line) {
    const LineEndpoint& endpoint = port.endpoints[line];
    program.endpoints[line] = {.address = htonl(endpoint.group), .port = htons(endpoint.port), .padding = 0};
  }
  return program;
}

}  // namespace

class AfXdpSource::Impl {
 public:
  absl::Status Open(const ReceiveOptions& options);

  size_t Receive(std::span<Packet> out);
  void Release(std::span<const Packet> packets);
  void Wait(uint64_t timeout_ns) { readiness_.Wait(timeout_ns); }
  SourceCounters Counters();
  XdpProgram& ProgramOf(LineId line) { return *programs_[program_of_line_[Index(line)]]; }
  const SourceGrants& grants() const { return grants_; }

 private:
  absl::Status OpenSockets(const std::vector<LinePort>& ports, const ReceiveOptions& options, uint32_t frame_bytes,
                           bool zero_copy);
  void CloseSockets();
  absl::Status AttachPrograms(const std::vector<LinePort>& ports, const ReceiveOptions& options);
  void ReportGrants(const std::vector<LinePort>& ports);

  size_t ReceiveFrom(XskSocket& socket, std::span<Packet> out);
  bool Read(const xdp_desc& descriptor, Packet& packet) const;
  void PayDebt(XskSocket& socket);

  // Destroyed from the last to the first: programs leave the hook before the sockets that they redirect to.
  ReceiveTime receive_time_;
  std::unique_ptr<UmemPool> pool_;
  std::unique_ptr<XskUmem> umem_;
  std::vector<std::unique_ptr<XskSocket>> sockets_;
  std::vector<std::unique_ptr<XdpProgram>> programs_;
  std::vector<MulticastMembership> memberships_;

  std::array<size_t, kLines> program_of_line_{};
  std::vector<uint32_t> queues_;  // served, a port
  Readiness readiness_;
  Turn turn_;
  SourceGrants grants_;
  std::array<uint64_t, kLines> packets_{};
  std::array<uint64_t, kLines> bytes_{};
  uint64_t invalid_ = 0;
  // Of a feed that went on while the sockets were not there yet.
  uint64_t no_socket_before_ = 0;
};

absl::Status AfXdpSource::Impl::Open(const ReceiveOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  FEEDFARM_ASSIGN_OR_RETURN(const std::vector<LinePort> ports, FindPorts(options.lines));
  uint32_t frame_bytes = 0;
  for (const LinePort& port : ports) {
    FEEDFARM_ASSIGN_OR_RETURN(const uint32_t queues, QueuesOf(port, options.queues));
    queues_.push_back(queues);
    FEEDFARM_ASSIGN_OR_RETURN(const uint32_t needed, FrameBytesFor(port.interface));
    frame_bytes = std::max(frame_bytes, needed);
  }
  receive_time_ = ReceiveTime(options.timestamps, ports, grants_);
  FEEDFARM_RETURN_IF_ERROR(AttachPrograms(ports, options));

  absl::Status opened = absl::UnimplementedError("zero-copy was not asked for");
  if (options.zero_copy && !options.force_skb_mode) {
    opened = OpenSockets(ports, options, frame_bytes, /*zero_copy=*/true);
    if (!opened.ok()) grants_.Refuse(Grant::kZeroCopy, std::string(opened.message()));
  }
  if (!opened.ok()) FEEDFARM_RETURN_IF_ERROR(OpenSockets(ports, options, frame_bytes, /*zero_copy=*/false));
  if (options.join_groups) {
    FEEDFARM_ASSIGN_OR_RETURN(memberships_, JoinGroups(options.lines));
  }
  for (const auto& socket : sockets_) readiness_.Add(socket->fd());
  ReportGrants(ports);
  no_socket_before_ = Counters().no_socket;
  return CheckRequired(options.required, grants_);
}

absl::Status AfXdpSource::Impl::AttachPrograms(const std::vector<LinePort>& ports, const ReceiveOptions& options) {
  for (const LinePort& port : ports) {
    FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<XdpProgram> program, XdpProgram::Attach(ProgramOptions(port, options)));
    for (LineId line : {LineId::kA, LineId::kB}) {
      if (port.Has(line)) program_of_line_[Index(line)] = programs_.size();
    }
    programs_.push_back(std::move(program));
  }
  return absl::OkStatus();
}

absl::Status AfXdpSource::Impl::OpenSockets(const std::vector<LinePort>& ports, const ReceiveOptions& options,
                                            uint32_t frame_bytes, bool zero_copy) {
  CloseSockets();
  uint32_t sockets_count = 0;
  for (uint32_t queues : queues_) sockets_count += queues;
  // Half of the frames wait in the rings.
  const uint32_t ring_entries = std::bit_floor(options.frames / 2 / sockets_count);
  if (ring_entries < 2 * kBatchMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames=", options.frames, " is too few for ", sockets_count, " sockets"));
  }
  FEEDFARM_ASSIGN_OR_RETURN(pool_, UmemPool::Create(options.frames, frame_bytes));
  FEEDFARM_ASSIGN_OR_RETURN(umem_, XskUmem::Create(*pool_, ring_entries));
  for (size_t i = 0; i < ports.size(); ++i) {
    for (uint32_t queue = 0; queue < queues_[i]; ++queue) {
      FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<XskSocket> socket,
                                XskSocket::Create(*umem_, {.interface = ports[i].interface.name,
                                                           .queue = queue,
                                                           .ring_entries = ring_entries,
                                                           .zero_copy = zero_copy,
                                                           .busy_poll_us = options.busy_poll_us,
                                                           .busy_poll_budget = options.busy_poll_budget}));
      FEEDFARM_RETURN_IF_ERROR(programs_[i]->SetSocket(queue, socket->fd()));
      sockets_.push_back(std::move(socket));
    }
  }
  return absl::OkStatus();
}

void AfXdpSource::Impl::CloseSockets() {
  sockets_.clear();
  umem_.reset();
  pool_.reset();
}

void AfXdpSource::Impl::ReportGrants(const std::vector<LinePort>& ports) {
  bool all_native = true;
  bool hardware_time = receive_time_.hardware();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& name = ports[i].interface.name;
    const bool native = programs_[i]->mode() == XdpMode::kNative;
    if (!native) grants_.Refuse(Grant::kNativeXdp, absl::StrCat(name, " has the program in SKB mode"));
    all_native = all_native && native;
    if (hardware_time && !programs_[i]->asks_hardware_time()) {
      hardware_time = false;
      grants_.Refuse(Grant::kHardwareTime, absl::StrCat(name, "'s driver gives XDP programs no receive time"));
    }
    for (LineId line : {LineId::kA, LineId::kB}) {
      if (ports[i].Has(line)) grants_.queues[Index(line)] = queues_[i];
    }
  }
  if (!pool_->huge_pages()) grants_.Refuse(Grant::kHugePages, pool_->pages());
  if (!pool_->locked()) grants_.Refuse(Grant::kLockedMemory, "RLIMIT_MEMLOCK is too low for the packet memory");

  bool zero_copy = true;
  for (const auto& socket : sockets_) {
    zero_copy = zero_copy && socket->zero_copy();
    if (!socket->busy_poll_status().ok()) {
      grants_.Refuse(Grant::kBusyPoll, absl::StrCat("queue ", socket->queue(), ": ",
                                                    std::string(socket->busy_poll_status().message())));
    }
  }
  grants_.xdp_mode = std::string(XdpModeName(all_native ? XdpMode::kNative : XdpMode::kSkb));
  grants_.bind_mode = zero_copy ? "zero-copy" : "copy";
  grants_.timestamp_class = hardware_time ? TimestampClass::kHardware : TimestampClass::kSoftware;
  grants_.frame_bytes = pool_->frames().frame_bytes();
  grants_.huge_pages = pool_->huge_pages();
}

size_t AfXdpSource::Impl::Receive(std::span<Packet> out) {
  return turn_.Take(sockets_.size(), out, [this](size_t socket, std::span<Packet> part) {
    return ReceiveFrom(*sockets_[socket], part);
  });
}

size_t AfXdpSource::Impl::ReceiveFrom(XskSocket& socket, std::span<Packet> out) {
  uint32_t first = 0;
  const uint32_t count = socket.Peek(static_cast<uint32_t>(out.size()), first);
  if (count == 0) {
    PayDebt(socket);
    socket.WakeIfNeeded();
    return 0;
  }
  // Another CPU wrote the packets: start fetching their metadata, headers and first payload bytes together. Non-temporal,
  // so that they stay out of this core's L2: a frame comes round again before its lines would have left it, and the CPU
  // that writes the next packet into it would have to take each line away from this core first.
  const uint8_t* memory = pool_->memory();
  const uint64_t memory_bytes = pool_->bytes();
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t address = socket.Descriptor(first + i).addr;
    if (address >= memory_bytes) continue;
    __builtin_prefetch(memory + address - sizeof(feed_filter_metadata), kForReading, kNonTemporal);
    __builtin_prefetch(memory + address - sizeof(feed_filter_metadata) + kCacheLineBytes, kForReading, kNonTemporal);
  }
  FramePool& frames = pool_->frames();
  size_t taken = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const xdp_desc& descriptor = socket.Descriptor(first + i);
    const std::optional<uint32_t> frame = frames.TakeFilled(descriptor.addr);
    if (!frame.has_value()) {
      ++invalid_;
      continue;
    }
    Packet& packet = out[taken];
    if (!Read(descriptor, packet)) {
      frames.Drop(*frame);  // given back before it is counted
      ++invalid_;
      continue;
    }
    frames.Deliver(*frame);
    packet.buffer = *frame;
    ++packets_[Index(packet.line)];
    bytes_[Index(packet.line)] += packet.size;
    ++taken;
  }
  socket.Consume(count);
  socket.Refill(frames, std::max(count, std::min(socket.owed(), frames.free_count())));
  return taken;
}

// False where the descriptor or the frame is not whole. The caller has the frame.
bool AfXdpSource::Impl::Read(const xdp_desc& descriptor, Packet& packet) const {
  const uint64_t frame_bytes = pool_->frames().frame_bytes();
  const uint64_t offset = descriptor.addr & (frame_bytes - 1);
  if (offset < sizeof(feed_filter_metadata) || descriptor.len > frame_bytes - offset) return false;
  const uint8_t* at = pool_->memory() + descriptor.addr;
  feed_filter_metadata metadata;
  std::memcpy(&metadata, at - sizeof(metadata), sizeof(metadata));
  if (metadata.magic != FEED_FILTER_METADATA_MAGIC || metadata.line >= kLines) return false;
  if (metadata.timestamp_class >= kTimestampClasses) return false;

  const std::optional<UdpFrame> frame = ParseUdpFrame({at, descriptor.len});
  if (!frame.has_value()) return false;
  packet.payload = frame->payload.data();
  packet.size = static_cast<uint32_t>(frame->payload.size());
  packet.line = static_cast<LineId>(metadata.line);
  packet.timestamp_class = static_cast<TimestampClass>(metadata.timestamp_class);
  packet.receive_tai_ns = metadata.receive_tai_ns;
  packet.intended_tai_ns = LoadSendTrailer(frame->behind);
  return true;
}

// What could not be refilled when it was due; a wait for room or for frames, not another miss.
void AfXdpSource::Impl::PayDebt(XskSocket& socket) {
  if (socket.owed() == 0) return;
  FramePool& frames = pool_->frames();
  socket.Refill(frames, std::min(socket.owed(), frames.free_count()));
}

void AfXdpSource::Impl::Release(std::span<const Packet> packets) {
  FramePool& frames = pool_->frames();
  for (const Packet& packet : packets) frames.Return(static_cast<uint32_t>(packet.buffer));
  for (const auto& socket : sockets_) PayDebt(*socket);
}

SourceCounters AfXdpSource::Impl::Counters() {
  SourceCounters sum;
  for (size_t line = 0; line < kLines; ++line) {
    sum.packets[line] = packets_[line];
    sum.bytes[line] = bytes_[line];
  }
  for (const auto& program : programs_) {
    const absl::StatusOr<feed_filter_counters> counted = program->Counters();
    if (!counted.ok()) continue;
    for (size_t line = 0; line < kLines; ++line) sum.cut_packets[line] += counted->lines[line].cut;
    sum.no_socket += counted->no_socket;
    sum.no_metadata += counted->no_metadata;
  }
  sum.no_socket -= std::min(sum.no_socket, no_socket_before_);
  sum.invalid = invalid_;
  for (const auto& socket : sockets_) {
    const absl::StatusOr<XskStatistics> lost = socket->Statistics();
    if (!lost.ok()) continue;
    sum.ring_full += lost->ring_full;
    sum.fill_ring_empty += lost->fill_ring_empty;
    // The kernel counts a packet without a frame in both; what is left was too long for a frame.
    sum.invalid += lost->dropped - std::min(lost->dropped, lost->fill_ring_empty);
  }
  sum.receive_errors = readiness_.Errors();
  AccountPool(pool_->frames(), sum);
  return sum;
}

AfXdpSource::AfXdpSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AfXdpSource::~AfXdpSource() = default;

absl::StatusOr<std::unique_ptr<AfXdpSource>> AfXdpSource::Create(const ReceiveOptions& options) {
  auto impl = std::make_unique<Impl>();
  FEEDFARM_RETURN_IF_ERROR(impl->Open(options));
  return std::unique_ptr<AfXdpSource>(new AfXdpSource(std::move(impl)));
}

size_t AfXdpSource::Receive(std::span<Packet> out) { return impl_->Receive(out); }
void AfXdpSource::Release(std::span<const Packet> packets) { impl_->Release(packets); }
void AfXdpSource::Wait(uint64_t timeout_ns) { impl_->Wait(timeout_ns); }
SourceCounters AfXdpSource::Counters() const { return impl_->Counters(); }
const SourceGrants& AfXdpSource::grants() const { return impl_->grants(); }

absl::Status AfXdpSource::ArmCut(LineId line, uint64_t start_tai_ns, uint64_t duration_ns) {
  return impl_->ProgramOf(line).ArmCut(static_cast<uint32_t>(line), start_tai_ns, duration_ns);
}

absl::Status AfXdpSource::DisarmCut(LineId line) {
  return impl_->ProgramOf(line).DisarmCut(static_cast<uint32_t>(line));
}

absl::StatusOr<CutAccount> AfXdpSource::Cut(LineId line) const {
  FEEDFARM_ASSIGN_OR_RETURN(const feed_filter_counters counted, impl_->ProgramOf(line).Counters());
  const feed_filter_line_counters& of_line = counted.lines[Index(line)];
  return CutAccount{
      .packets = of_line.rule_cut, .first_tai_ns = of_line.rule_first_tai_ns, .last_tai_ns = of_line.rule_last_tai_ns};
}

}  // namespace feedfarm
