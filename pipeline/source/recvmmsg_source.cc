#include "pipeline/source/recvmmsg_source.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/line_ports.h"
#include "pipeline/source/multicast_membership.h"
#include "pipeline/source/pool_account.h"
#include "pipeline/source/readiness.h"
#include "pipeline/source/receive_time.h"
#include "pipeline/source/socket_time.h"
#include "pipeline/xdp/busy_poll.h"
#include "pipeline/xdp/umem_pool.h"

namespace feedfarm {
namespace {

constexpr uint32_t kFrameBytesMin = 2048;
constexpr uint32_t kFrameBytesMax = 16384;  // a jumbo frame's payload
constexpr uint64_t kSecondNs = 1'000'000'000;
// Room for one SCM_TIMESTAMPING record.
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(scm_timestamping));

uint64_t Nanoseconds(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * kSecondNs + static_cast<uint64_t>(time.tv_nsec);
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

absl::StatusOr<ScopedFd> OpenSocket(const LineEndpoint& line, WantedTime wanted) {
  ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus("socket AF_INET");
  // Both lines may have one address and port, on two interfaces.
  const int on = 1;
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", &on, sizeof(on)));
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "SO_BINDTODEVICE", line.interface.c_str(),
                                     static_cast<socklen_t>(line.interface.size() + 1)));
  const uint32_t stamps = StampFlags(wanted);
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd.get(), SOL_SOCKET, SO_TIMESTAMPING, "SO_TIMESTAMPING", &stamps, sizeof(stamps)));
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
  absl::Status Open(const ReceiveOptions& options);

  size_t Receive(std::span<Packet> out);
  void Release(std::span<const Packet> packets);
  void Wait(uint64_t timeout_ns) { readiness_.Wait(timeout_ns); }
  SourceCounters Counters();
  const SourceGrants& grants() const { return grants_; }

 private:
  // One message of a recvmmsg call: the frame that waits in it, and where the kernel writes the time.
  struct Slot {
    uint64_t address = 0;
    bool has_frame = false;
    alignas(cmsghdr) std::array<uint8_t, kControlBytes> control{};
  };

  absl::Status OpenLines(const ReceiveOptions& options);
  uint32_t ArmSlots(uint32_t count);
  size_t ReceiveLine(LineId line, std::span<Packet> out);
  void ReadTime(const msghdr& message, int64_t tai_offset_ns, Packet& packet) const;

  ReceiveTime receive_time_;
  std::unique_ptr<UmemPool> pool_;
  std::array<ScopedFd, kLines> sockets_;
  std::vector<MulticastMembership> memberships_;
  std::array<Slot, kBatchMax> slots_{};
  std::array<iovec, kBatchMax> buffers_{};
  std::array<mmsghdr, kBatchMax> messages_{};
  Readiness readiness_;
  size_t first_line_ = 0;
  SourceGrants grants_;
  std::array<uint64_t, kLines> packets_{};
  std::array<uint64_t, kLines> bytes_{};
  uint64_t invalid_ = 0;
  uint64_t receive_errors_ = 0;
};

absl::Status RecvmmsgSource::Impl::Open(const ReceiveOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  FEEDFARM_ASSIGN_OR_RETURN(const std::vector<LinePort> ports, FindPorts(options.lines));
  uint32_t frame_bytes = kFrameBytesMin;
  for (const LinePort& port : ports) {
    frame_bytes = std::min(std::max(frame_bytes, std::bit_ceil(port.interface.mtu)), kFrameBytesMax);
  }
  receive_time_ = ReceiveTime(options.timestamps, ports, grants_);
  FEEDFARM_ASSIGN_OR_RETURN(pool_, UmemPool::Create(options.frames, frame_bytes));
  FEEDFARM_RETURN_IF_ERROR(OpenLines(options));
  if (options.join_groups) {
    FEEDFARM_ASSIGN_OR_RETURN(memberships_, JoinGroups(options.lines));
  }

  grants_.xdp_mode = "none";
  grants_.bind_mode = "socket";
  grants_.timestamp_class = receive_time_.hardware() ? TimestampClass::kHardware : TimestampClass::kSoftware;
  grants_.frame_bytes = frame_bytes;
  grants_.huge_pages = pool_->huge_pages();
  if (!pool_->huge_pages()) grants_.Refuse(Grant::kHugePages, pool_->pages());
  if (!pool_->locked()) grants_.Refuse(Grant::kLockedMemory, "RLIMIT_MEMLOCK is too low for the packet memory");

  for (size_t i = 0; i < kBatchMax; ++i) {
    msghdr& message = messages_[i].msg_hdr;
    message.msg_iov = &buffers_[i];
    message.msg_iovlen = 1;
    message.msg_control = slots_[i].control.data();
  }
  return CheckRequired(options.required, grants_);
}

absl::Status RecvmmsgSource::Impl::OpenLines(const ReceiveOptions& options) {
  for (size_t i = 0; i < kLines; ++i) {
    const LineEndpoint& line = options.lines[i];
    FEEDFARM_ASSIGN_OR_RETURN(sockets_[i], OpenSocket(line, options.timestamps));
    const int fd = sockets_[i].get();
    const uint32_t granted = GrantReceiveBuffer(fd, options.receive_buffer_bytes);
    if (granted < options.receive_buffer_bytes) {
      grants_.Refuse(Grant::kReceiveBuffer, absl::StrCat(granted, " bytes on ", line.interface, " instead of ",
                                                         options.receive_buffer_bytes));
    }
    if (options.busy_poll_us != 0) {
      const absl::Status asked = AskBusyPoll(fd, options.busy_poll_us, options.busy_poll_budget);
      if (!asked.ok()) grants_.Refuse(Grant::kBusyPoll, absl::StrCat(line.interface, ": ", std::string(asked.message())));
    }
    grants_.queues[i] = 1;
    readiness_.Add(fd);
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
  if (got <= 0) {
    if (got < 0 && errno != EAGAIN && errno != EINTR) ++receive_errors_;
    return 0;
  }
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

SourceCounters RecvmmsgSource::Impl::Counters() {
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
  sum.receive_errors = receive_errors_ + readiness_.Errors();
  AccountPool(pool_->frames(), sum);
  return sum;
}

RecvmmsgSource::RecvmmsgSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecvmmsgSource::~RecvmmsgSource() = default;

absl::StatusOr<std::unique_ptr<RecvmmsgSource>> RecvmmsgSource::Create(const ReceiveOptions& options) {
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
