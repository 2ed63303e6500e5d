#include "pipeline/source/af_xdp_source.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <poll.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/multicast_membership.h"
#include "pipeline/source/send_trailer.h"
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

constexpr uint32_t kFramesMin = 4 * kBatchMax;
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

absl::Status CheckOptions(const AfXdpOptions& options) {
  if (!std::has_single_bit(options.frames) || options.frames < kFramesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames=", options.frames, ": a power of two, at least ", kFramesMin));
  }
  const LineEndpoint& a = options.lines[0];
  const LineEndpoint& b = options.lines[1];
  if (a.port == 0 || b.port == 0) return absl::InvalidArgumentError("a line without a UDP port");
  if (a == b) {
    return absl::InvalidArgumentError(absl::StrCat("lines A and B are both ", FormatAddress(a), " on ", a.interface));
  }
  return absl::OkStatus();
}

// An interface with the lines that arrive on it.
struct Port {
  NetworkInterface interface;
  std::array<feed_filter_endpoint, kLines> endpoints{};
  uint32_t queues = 0;
};

absl::StatusOr<std::vector<Port>> FindPorts(const AfXdpOptions& options) {
  std::vector<Port> ports;
  for (size_t line = 0; line < kLines; ++line) {
    const LineEndpoint& endpoint = options.lines[line];
    auto port = std::find_if(ports.begin(), ports.end(),
                             [&](const Port& known) { return known.interface.name == endpoint.interface; });
    if (port == ports.end()) {
      FEEDFARM_ASSIGN_OR_RETURN(NetworkInterface interface, NetworkInterface::Probe(endpoint.interface));
      if (!interface.up) return absl::FailedPreconditionError(absl::StrCat(interface.name, " is down"));
      const uint32_t queues = options.queues == 0 ? interface.receive_queues : options.queues;
      if (queues > interface.receive_queues) {
        return absl::InvalidArgumentError(
            absl::StrCat(interface.name, " has ", interface.receive_queues, " receive queues, not ", queues));
      }
      ports.push_back(Port{.interface = std::move(interface), .queues = queues});
      port = ports.end() - 1;
    }
    port->endpoints[line] = {.address = htonl(endpoint.group), .port = htons(endpoint.port), .padding = 0};
  }
  return ports;
}

}  // namespace

class AfXdpSource::Impl {
 public:
  absl::Status Open(const AfXdpOptions& options);

  size_t Receive(std::span<Packet> out);
  void Release(std::span<const Packet> packets);
  void Wait(uint64_t timeout_ns);
  SourceCounters Counters() const;
  XdpProgram& ProgramOf(LineId line) { return *programs_[program_of_line_[Index(line)]]; }
  const SourceGrants& grants() const { return grants_; }

 private:
  absl::Status OpenSockets(const std::vector<Port>& ports, const AfXdpOptions& options, uint32_t frame_bytes,
                           bool zero_copy);
  void CloseSockets();
  absl::Status AttachPrograms(const std::vector<Port>& ports, const AfXdpOptions& options);
  absl::Status JoinGroups(const AfXdpOptions& options);
  void ReportGrants(const std::vector<Port>& ports, const AfXdpOptions& options);

  size_t ReceiveFrom(XskSocket& socket, std::span<Packet> out);
  bool Read(const xdp_desc& descriptor, Packet& packet) const;
  void PayDebt(XskSocket& socket);

  // Destroyed from the last to the first: programs leave the hook before the sockets that they redirect to.
  std::unique_ptr<UmemPool> pool_;
  std::unique_ptr<XskUmem> umem_;
  std::vector<std::unique_ptr<XskSocket>> sockets_;
  std::vector<std::unique_ptr<XdpProgram>> programs_;
  std::vector<MulticastMembership> memberships_;

  std::array<size_t, kLines> program_of_line_{};
  std::vector<pollfd> poll_fds_;
  size_t next_socket_ = 0;
  SourceGrants grants_;
  std::array<uint64_t, kLines> packets_{};
  std::array<uint64_t, kLines> bytes_{};
  uint64_t invalid_ = 0;
};

absl::Status AfXdpSource::Impl::Open(const AfXdpOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(CheckOptions(options));
  FEEDFARM_ASSIGN_OR_RETURN(const std::vector<Port> ports, FindPorts(options));
  uint32_t frame_bytes = 0;
  for (const Port& port : ports) {
    FEEDFARM_ASSIGN_OR_RETURN(const uint32_t needed, FrameBytesFor(port.interface));
    frame_bytes = std::max(frame_bytes, needed);
  }
  FEEDFARM_RETURN_IF_ERROR(AttachPrograms(ports, options));

  absl::Status opened = absl::UnimplementedError("zero-copy was not asked for");
  if (options.zero_copy && !options.force_skb_mode) {
    opened = OpenSockets(ports, options, frame_bytes, /*zero_copy=*/true);
    if (!opened.ok()) grants_.not_granted.push_back(absl::StrCat("zero-copy: ", std::string(opened.message())));
  }
  if (!opened.ok()) FEEDFARM_RETURN_IF_ERROR(OpenSockets(ports, options, frame_bytes, /*zero_copy=*/false));
  FEEDFARM_RETURN_IF_ERROR(JoinGroups(options));
  ReportGrants(ports, options);
  for (const auto& socket : sockets_) poll_fds_.push_back({.fd = socket->fd(), .events = POLLIN, .revents = 0});
  return absl::OkStatus();
}

absl::Status AfXdpSource::Impl::AttachPrograms(const std::vector<Port>& ports, const AfXdpOptions& options) {
  for (const Port& port : ports) {
    FEEDFARM_ASSIGN_OR_RETURN(
        std::unique_ptr<XdpProgram> program,
        XdpProgram::Attach(
            {.interface = port.interface, .endpoints = port.endpoints, .force_skb_mode = options.force_skb_mode}));
    for (size_t line = 0; line < kLines; ++line) {
      if (port.endpoints[line].port != 0) program_of_line_[line] = programs_.size();
    }
    programs_.push_back(std::move(program));
  }
  return absl::OkStatus();
}

absl::Status AfXdpSource::Impl::OpenSockets(const std::vector<Port>& ports, const AfXdpOptions& options,
                                            uint32_t frame_bytes, bool zero_copy) {
  CloseSockets();
  uint32_t sockets_count = 0;
  for (const Port& port : ports) sockets_count += port.queues;
  // Half of the frames wait in the rings.
  const uint32_t ring_entries = std::bit_floor(options.frames / 2 / sockets_count);
  if (ring_entries < 2 * kBatchMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames=", options.frames, " is too few for ", sockets_count, " sockets"));
  }
  FEEDFARM_ASSIGN_OR_RETURN(pool_, UmemPool::Create(options.frames, frame_bytes));
  FEEDFARM_ASSIGN_OR_RETURN(umem_, XskUmem::Create(*pool_, ring_entries));
  for (size_t i = 0; i < ports.size(); ++i) {
    for (uint32_t queue = 0; queue < ports[i].queues; ++queue) {
      FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<XskSocket> socket,
                                XskSocket::Create(*umem_, {.interface = ports[i].interface.name,
                                                           .queue = queue,
                                                           .ring_entries = ring_entries,
                                                           .zero_copy = zero_copy,
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

absl::Status AfXdpSource::Impl::JoinGroups(const AfXdpOptions& options) {
  if (!options.join_groups) return absl::OkStatus();
  for (const LineEndpoint& line : options.lines) {
    if (!line.is_multicast()) continue;
    FEEDFARM_ASSIGN_OR_RETURN(MulticastMembership membership, MulticastMembership::Join(line));
    memberships_.push_back(std::move(membership));
  }
  return absl::OkStatus();
}

void AfXdpSource::Impl::ReportGrants(const std::vector<Port>& ports, const AfXdpOptions& options) {
  bool all_native = true;
  bool hardware_time = true;
  for (size_t i = 0; i < ports.size(); ++i) {
    const bool native = programs_[i]->mode() == XdpMode::kNative;
    if (!native) grants_.not_granted.push_back(absl::StrCat("native XDP on ", ports[i].interface.name));
    all_native = all_native && native;
    hardware_time = hardware_time && programs_[i]->asks_hardware_time() && ports[i].interface.hardware_receive_time;
    for (size_t line = 0; line < kLines; ++line) {
      if (ports[i].endpoints[line].port != 0) grants_.queues[line] = ports[i].queues;
    }
  }
  if (!hardware_time) grants_.not_granted.push_back("hardware receive time");
  if (!pool_->huge_pages()) grants_.not_granted.push_back("huge pages for packet memory");
  if (!pool_->locked()) grants_.not_granted.push_back("locked packet memory");

  bool zero_copy = true;
  for (const auto& socket : sockets_) {
    zero_copy = zero_copy && socket->zero_copy();
    if (options.busy_poll_budget > 0 && !socket->busy_poll()) {
      grants_.not_granted.push_back(absl::StrCat("busy poll on queue ", socket->queue()));
    }
  }
  grants_.xdp_mode = std::string(XdpModeName(all_native ? XdpMode::kNative : XdpMode::kSkb));
  grants_.bind_mode = zero_copy ? "zero-copy" : "copy";
  grants_.timestamp_class = hardware_time ? TimestampClass::kHardware : TimestampClass::kSoftware;
  grants_.frame_bytes = pool_->frames().frame_bytes();
  grants_.huge_pages = pool_->huge_pages();
}

size_t AfXdpSource::Impl::Receive(std::span<Packet> out) {
  const size_t room = std::min(out.size(), kBatchMax);
  const size_t sockets_count = sockets_.size();
  // First to each its share, then the rest to whoever has more: a flood on one line cannot starve the other.
  const size_t share = (room + sockets_count - 1) / sockets_count;
  size_t taken = 0;
  bool more = false;
  for (size_t i = 0; i < sockets_count && taken < room; ++i) {
    XskSocket& socket = *sockets_[(next_socket_ + i) % sockets_count];
    const size_t quota = std::min(share, room - taken);
    const size_t got = ReceiveFrom(socket, out.subspan(taken, quota));
    more = more || got == quota;
    taken += got;
  }
  for (size_t i = 0; more && i < sockets_count && taken < room; ++i) {
    XskSocket& socket = *sockets_[(next_socket_ + i) % sockets_count];
    taken += ReceiveFrom(socket, out.subspan(taken, room - taken));
  }
  next_socket_ = (next_socket_ + 1) % sockets_count;
  return taken;
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

void AfXdpSource::Impl::Wait(uint64_t timeout_ns) {
  const timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000),
                         static_cast<long>(timeout_ns % 1'000'000'000)};
  ppoll(poll_fds_.data(), poll_fds_.size(), &timeout, nullptr);
}

SourceCounters AfXdpSource::Impl::Counters() const {
  SourceCounters sum;
  for (size_t line = 0; line < kLines; ++line) {
    sum.packets[line] = packets_[line];
    sum.bytes[line] = bytes_[line];
  }
  for (const auto& program : programs_) {
    const absl::StatusOr<feed_filter_counters> counted = program->Counters();
    if (!counted.ok()) continue;
    for (size_t line = 0; line < kLines; ++line) sum.cut_packets[line] += counted->lines[line].cut;
  }
  sum.invalid = invalid_;
  for (const auto& socket : sockets_) {
    const absl::StatusOr<XskStatistics> lost = socket->Statistics();
    if (!lost.ok()) continue;
    sum.ring_full += lost->ring_full;
    sum.fill_ring_empty += lost->fill_ring_empty;
    // The kernel counts a packet without a frame in both; what is left was too long for a frame.
    sum.invalid += lost->dropped - std::min(lost->dropped, lost->fill_ring_empty);
  }
  const FramePool& frames = pool_->frames();
  sum.pool_frames = frames.frames();
  sum.pool_available = frames.available();
  sum.pool_misses = frames.misses();
  sum.pool_return_drops = frames.return_drops();
  return sum;
}

AfXdpSource::AfXdpSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AfXdpSource::~AfXdpSource() = default;

absl::StatusOr<std::unique_ptr<AfXdpSource>> AfXdpSource::Create(const AfXdpOptions& options) {
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
