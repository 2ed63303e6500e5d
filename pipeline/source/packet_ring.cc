#include "pipeline/source/packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/socket_time.h"
#include "pipeline/source/udp_filter.h"

namespace feedfarm {
namespace {

// About 300 small packets: few enough to be handed over soon under load, enough to make the handover cheap. A jumbo
// frame fits several times.
constexpr uint32_t kBlockBytes = 64u << 10;
constexpr uint64_t kBlocksMin = 4;
// The kernel wants a frame size though blocks hold frames of any length.
constexpr uint32_t kFrameBytes = 2048;

template <class Value>
absl::Status SetOption(int fd, int level, int option, const char* name, const Value& value) {
  if (setsockopt(fd, level, option, &value, sizeof(value)) != 0) return ErrnoStatus(absl::StrCat("setsockopt ", name));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketRing>> PacketRing::Create(const LinePort& port, uint64_t bytes,
                                                               WantedTime wanted) {
  std::unique_ptr<PacketRing> ring(new PacketRing(port));
  const absl::Status opened = ring->Open(bytes, wanted);
  if (!opened.ok()) {
    return absl::Status(opened.code(), absl::StrCat("packet ring on ", port.interface.name, ": ",
                                                    std::string(opened.message())));
  }
  return ring;
}

PacketRing::~PacketRing() {
  if (memory_ != nullptr) munmap(memory_, mapped_bytes_);
}

absl::Status PacketRing::Open(uint64_t bytes, WantedTime wanted) {
  // Protocol 0: nothing enters before the filter stands and it is bound.
  socket_ = ScopedFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = socket_.get();
  if (fd < 0) return ErrnoStatus("socket AF_PACKET");
  FEEDFARM_RETURN_IF_ERROR(AttachFilter(fd, UdpFilter(port_.endpoints)));
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd, SOL_PACKET, PACKET_VERSION, "PACKET_VERSION", int{TPACKET_V3}));
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING", int{1}));
  // The ring reports the times that PACKET_TIMESTAMP names; that they are taken is SO_TIMESTAMPING's doing.
  const uint32_t flags = StampFlags(wanted);
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd, SOL_PACKET, PACKET_TIMESTAMP, "PACKET_TIMESTAMP", flags));
  FEEDFARM_RETURN_IF_ERROR(SetOption(fd, SOL_SOCKET, SO_TIMESTAMPING, "SO_TIMESTAMPING", flags));
  FEEDFARM_RETURN_IF_ERROR(MapBlocks(bytes));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  // All: a frame behind a second VLAN tag is not of IPv4's type here.
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = port_.interface.index;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return ErrnoStatus("bind AF_PACKET");
  return absl::OkStatus();
}

absl::Status PacketRing::MapBlocks(uint64_t bytes) {
  block_bytes_ = kBlockBytes;
  const uint64_t blocks = std::max(bytes / kBlockBytes, kBlocksMin);
  tpacket_req3 request{};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = static_cast<unsigned>(blocks);
  request.tp_frame_size = kFrameBytes;
  request.tp_frame_nr = static_cast<unsigned>(blocks * (kBlockBytes / kFrameBytes));
  request.tp_retire_blk_tov = kRetireMs;
  FEEDFARM_RETURN_IF_ERROR(SetOption(socket_.get(), SOL_PACKET, PACKET_RX_RING, "PACKET_RX_RING", request));
  mapped_bytes_ = blocks * kBlockBytes;
  void* memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket_.get(), 0);
  if (memory == MAP_FAILED) return ErrnoStatus(absl::StrCat("mmap ", mapped_bytes_, " bytes of packet ring"));
  memory_ = static_cast<uint8_t*>(memory);
  blocks_ = std::make_unique<BlockRing>(std::span(memory_, mapped_bytes_), kBlockBytes);
  return absl::OkStatus();
}

const PacketRingStatistics& PacketRing::Statistics() {
  tpacket_stats_v3 counted{};
  socklen_t size = sizeof(counted);
  if (getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &counted, &size) == 0) {
    statistics_.dropped += counted.tp_drops;
    statistics_.full_blocks += counted.tp_freeze_q_cnt;
  }
  return statistics_;
}

}  // namespace feedfarm
