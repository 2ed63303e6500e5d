#include "pipeline/source/recvmmsg_source.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/multicast_membership.h"
#include "pipeline/xdp/network_interface.h"
#include "pipeline/xdp/umem_pool.h"

namespace feedfarm {
namespace {

constexpr uint32_t kFramesMin = 4 * kBatchMax;
constexpr uint32_t kFrameBytesMin = 2048;
constexpr uint32_t kFrameBytesMax = 16384;  // a jumbo frame's payload
constexpr uint64_t kSecondNs = 1'000'000'000;
// Room for one SCM_TIMESTAMPING record.
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(scm_timestamping));

constexpr unsigned kStampFlags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
                                 SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;

uint64_t Nanoseconds(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * kSecondNs + static_cast<uint64_t>(time.tv_nsec);
}

// CLOCK_TAI minus CLOCK_REALTIME: whole seconds, so that the time between the two reads rounds away.
int64_t TaiMinusUnix() {
  const int64_t difference = static_cast<int64_t>(TaiNow()) - static_cast<int64_t>(UnixNow());
  const int64_t second = static_cast<int64_t>(kSecondNs);
  const int64_t half = difference >= 0 ? second / 2 : -second / 2;
  return (difference + half) / second * second;
}

absl::Status SetOption(int fd, int level, int option, const char* name, const void* value, socklen_t size) {
  if (setsockopt(fd, level, option, value, size) != 0) return ErrnoStatus(absl::StrCat("setsockopt ", name));
  return absl::OkStatus();
}

// Bytes of buffer that the kernel granted; it reports twice what can be used.
uint32_t GrantReceiveBuffer(int fd, uint32_t bytes) {
  const int wanted = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
  }
  int granted = 0;
  socklen_t size = sizeof(granted);
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size) != 0) return 0;
  return static_cast<uint32_t>(granted) / 2;
}

absl::StatusOr<ScopedFd> OpenSocket(const LineEndpoint& line) {
  ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus("socket AF_INET");
  // Both lines may have one address and port, on two interfaces.
  const int on = 1;
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", &on, sizeof(on)));
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "SO_BINDTODEVICE", line.interface.c_str(),
                                     static_cast<socklen_t>(line.interface.size() + 1)));
  FEEDFARM_RETURN_IF_ERROR(
      SetOption(fd.get(), SOL_SOCKET, SO_TIMESTAMPING, "SO_TIMESTAMPING", &kStampFlags, sizeof(kStampFlags)));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(line.group);
  address.sin_port = htons(line.port);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(absl::StrCat("bind ", FormatAddress(line), " on ", line.interface));
  }
  return fd;
}

}  // namespace

class RecvmmsgSource::Impl {
 public:
  absl::Status Open(const RecvmmsgOptions& options);

  size_t Receive(std::span<Packet> out);
  void Release(std::span<const Packet> packets);
  void Wait(uint64_t timeout_ns);
  SourceCounters Counters() const;
  const SourceGrants& grants() const { return grants_; }

 private:
  // One message of a recvmmsg call: the frame that waits in it, and where the kernel writes the time.
  struct Slot {
    uint64_t address = 0;
    bool has_frame = false;
    alignas(cmsghdr) std::array<uint8_t, kControlBytes> control{};
  };

  absl::Status OpenLines(const RecvmmsgOptions& options);
  uint32_t ArmSlots(uint32_t count);
  size_t ReceiveLine(LineId line, std::span<Packet> out);
  void ReadTime(const msghdr& message, int64_t tai_offset_ns, Packet& packet) const;

  std::unique_ptr<UmemPool> pool_;
  std::array<ScopedFd, kLines> sockets_;
  std::vector<MulticastMembership> memberships_;
  std::array<Slot, kBatchMax> slots_{};
  std::array<iovec, kBatchMax> buffers_{};
  std::array<mmsghdr, kBatchMax> messages_{};
  std::array<pollfd, kLines> poll_fds_{};
  size_t first_line_ = 0;
  SourceGrants grants_;
  std::array<uint64_t, kLines> packets_{};
  std::array<uint64_t, kLines> bytes_{};
  uint64_t invalid_ = 0;
};

absl::Status RecvmmsgSource::Impl::Open(const RecvmmsgOptions& options) {
  if (!std::has_single_bit(options.frames) || options.frames < kFramesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames=", options.frames, ": a power of two, at least ", kFramesMin));
  }
  if (options.lines[0].port == 0 || options.lines[1].port == 0) {
    return absl::InvalidArgumentError("a line without a UDP port");
  }
  if (options.lines[0] == options.lines[1]) {
    return absl::InvalidArgumentError(
        absl::StrCat("lines A and B are both ", FormatAddress(options.lines[0]), " on ", options.lines[0].interface));
  }
  uint32_t frame_bytes = kFrameBytesMin;
  bool hardware_time = true;
  for (const LineEndpoint& line : options.lines) {
    FEEDFARM_ASSIGN_OR_RETURN(const NetworkInterface interface, NetworkInterface::Probe(line.interface));
    frame_bytes = std::min(std::max(frame_bytes, std::bit_ceil(interface.mtu)), kFrameBytesMax);
    hardware_time = hardware_time && interface.hardware_receive_time;
  }
  FEEDFARM_ASSIGN_OR_RETURN(pool_, UmemPool::Create(options.frames, frame_bytes));
  FEEDFARM_RETURN_IF_ERROR(OpenLines(options));

  grants_.xdp_mode = "none";
  grants_.bind_mode = "socket";
  grants_.timestamp_class = hardware_time ? TimestampClass::kHardware : TimestampClass::kSoftware;
  grants_.frame_bytes = frame_bytes;
  grants_.huge_pages = pool_->huge_pages();
  if (!hardware_time) grants_.not_granted.push_back("hardware receive time");
  if (!pool_->huge_pages()) grants_.not_granted.push_back("huge pages for packet memory");
  if (!pool_->locked()) grants_.not_granted.push_back("locked packet memory");

  for (size_t i = 0; i < kBatchMax; ++i) {
    msghdr& message = messages_[i].msg_hdr;
    message.msg_iov = &buffers_[i];
    message.msg_iovlen = 1;
    message.msg_control = slots_[i].control.data();
  }
  return absl::OkStatus();
}

absl::Status RecvmmsgSource::Impl::OpenLines(const RecvmmsgOptions& options) {
  for (size_t i = 0; i < kLines; ++i) {
    const LineEndpoint& line = options.lines[i];
    FEEDFARM_ASSIGN_OR_RETURN(sockets_[i], OpenSocket(line));
    const uint32_t granted = GrantReceiveBuffer(sockets_[i].get(), options.receive_buffer_bytes);
    if (granted < options.receive_buffer_bytes) {
      grants_.not_granted.push_back(absl::StrCat("a receive buffer of ", options.receive_buffer_bytes, " bytes on ",
                                                 line.interface, ": ", granted));
    }
    if (options.join_groups && line.is_multicast()) {
      FEEDFARM_ASSIGN_OR_RETURN(MulticastMembership membership, MulticastMembership::Join(line));
      memberships_.push_back(std::move(membership));
    }
    grants_.queues[i] = 1;
    poll_fds_[i] = {.fd = sockets_[i].get(), .events = POLLIN, .revents = 0};
  }
  return absl::OkStatus();
}

// Gives the first `count` slots a frame each; returns how many have one.
uint32_t RecvmmsgSource::Impl::ArmSlots(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = slots_[i];
    if (!slot.has_frame) {
      if (pool_->frames().TakeForFill(std::span(&slot.address, 1)) == 0) return i;
      slot.has_frame = true;
      buffers_[i] = {.iov_base = pool_->memory() + slot.address, .iov_len = pool_->frames().frame_bytes()};
    }
    messages_[i].msg_hdr.msg_controllen = kControlBytes;
    messages_[i].msg_hdr.msg_flags = 0;
  }
  return count;
}

size_t RecvmmsgSource::Impl::Receive(std::span<Packet> out) {
  const size_t room = std::min(out.size(), kBatchMax);
  // The line that comes first may take half, the other the rest; next time the other comes first.
  const size_t first_share = std::max<size_t>(1, room / 2);
  if (room == 0) return 0;
  const LineId first = static_cast<LineId>(first_line_);
  const LineId second = static_cast<LineId>(1 - first_line_);
  first_line_ = 1 - first_line_;
  const size_t taken = ReceiveLine(first, out.first(first_share));
  if (taken == room) return taken;
  return taken + ReceiveLine(second, out.subspan(taken, room - taken));
}

size_t RecvmmsgSource::Impl::ReceiveLine(LineId line, std::span<Packet> out) {
  const uint32_t armed = ArmSlots(static_cast<uint32_t>(out.size()));
  if (armed == 0) return 0;
  const int got = recvmmsg(sockets_[Index(line)].get(), messages_.data(), armed, MSG_DONTWAIT, nullptr);
  if (got <= 0) return 0;
  const int64_t tai_offset_ns = TaiMinusUnix();
  FramePool& frames = pool_->frames();
  size_t taken = 0;
  for (int i = 0; i < got; ++i) {
    Slot& slot = slots_[static_cast<size_t>(i)];
    const mmsghdr& message = messages_[static_cast<size_t>(i)];
    const std::optional<uint32_t> frame = frames.TakeFilled(slot.address);
    CHECK(frame.has_value());
    slot.has_frame = false;
    if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      frames.Drop(*frame);
      ++invalid_;
      continue;
    }
    frames.Deliver(*frame);
    Packet& packet = out[taken++];
    packet = Packet{.payload = pool_->memory() + slot.address, .size = message.msg_len, .line = line, .buffer = *frame};
    ReadTime(message.msg_hdr, tai_offset_ns, packet);
    ++packets_[Index(line)];
    bytes_[Index(line)] += packet.size;
  }
  return taken;
}

void RecvmmsgSource::Impl::ReadTime(const msghdr& message, int64_t tai_offset_ns, Packet& packet) const {
  // CMSG_NXTHDR wants a message that it may change.
  msghdr walk = message;
  for (cmsghdr* control = CMSG_FIRSTHDR(&walk); control != nullptr; control = CMSG_NXTHDR(&walk, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPING) continue;
    scm_timestamping stamps;
    std::memcpy(&stamps, CMSG_DATA(control), sizeof(stamps));
    // ts[0]: software, CLOCK_REALTIME; ts[2]: the NIC's clock, which is kept on TAI.
    if (const uint64_t hardware = Nanoseconds({stamps.ts[2].tv_sec, stamps.ts[2].tv_nsec}); hardware != 0) {
      packet.receive_tai_ns = hardware;
      packet.timestamp_class = TimestampClass::kHardware;
    } else if (const uint64_t software = Nanoseconds({stamps.ts[0].tv_sec, stamps.ts[0].tv_nsec}); software != 0) {
      packet.receive_tai_ns = software + static_cast<uint64_t>(tai_offset_ns);
      packet.timestamp_class = TimestampClass::kSoftware;
    }
  }
}

void RecvmmsgSource::Impl::Release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) pool_->frames().Return(static_cast<uint32_t>(packet.buffer));
}

void RecvmmsgSource::Impl::Wait(uint64_t timeout_ns) {
  const timespec timeout{static_cast<time_t>(timeout_ns / kSecondNs), static_cast<long>(timeout_ns % kSecondNs)};
  ppoll(poll_fds_.data(), poll_fds_.size(), &timeout, nullptr);
}

SourceCounters RecvmmsgSource::Impl::Counters() const {
  SourceCounters sum;
  for (size_t line = 0; line < kLines; ++line) {
    sum.packets[line] = packets_[line];
    sum.bytes[line] = bytes_[line];
    // The number that SO_RXQ_OVFL puts beside a packet, without waiting for one and at no cost to each.
    std::array<uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof(memory);
    if (getsockopt(sockets_[line].get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0) {
      sum.ring_full += memory[SK_MEMINFO_DROPS];
    }
  }
  sum.invalid = invalid_;
  const FramePool& frames = pool_->frames();
  sum.pool_frames = frames.frames();
  sum.pool_available = frames.available();
  sum.pool_misses = frames.misses();
  sum.pool_return_drops = frames.return_drops();
  return sum;
}

RecvmmsgSource::RecvmmsgSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecvmmsgSource::~RecvmmsgSource() = default;

absl::StatusOr<std::unique_ptr<RecvmmsgSource>> RecvmmsgSource::Create(const RecvmmsgOptions& options) {
  auto impl = std::make_unique<Impl>();
  FEEDFARM_RETURN_IF_ERROR(impl->Open(options));
  return std::unique_ptr<RecvmmsgSource>(new RecvmmsgSource(std::move(impl)));
}

size_t RecvmmsgSource::Receive(std::span<Packet> out) { return impl_->Receive(out); }
void RecvmmsgSource::Release(std::span<const Packet> packets) { impl_->Release(packets); }
void RecvmmsgSource::Wait(uint64_t timeout_ns) { impl_->Wait(timeout_ns); }
SourceCounters RecvmmsgSource::Counters() const { return impl_->Counters(); }
const SourceGrants& RecvmmsgSource::grants() const { return impl_->grants(); }

absl::Status RecvmmsgSource::ArmCut(LineId, uint64_t, uint64_t) {
  return absl::UnimplementedError("recvmmsg cannot cut a line: the cut rule is in the XDP program (--receive af_xdp)");
}

}  // namespace feedfarm
