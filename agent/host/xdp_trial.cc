#include "agent/host/xdp_trial.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "pipeline/base/scoped_fd.h"

namespace feedfarm {
namespace {

constexpr uint32_t kFrameBytes = 4096;
constexpr uint32_t kFrames = 64;
constexpr uint32_t kRingEntries = 64;

// r0 = XDP_PASS; exit
ScopedFd LoadPass() {
  bpf_insn instructions[2] = {};
  instructions[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  instructions[0].imm = XDP_PASS;
  instructions[1].code = BPF_JMP | BPF_EXIT;
  return ScopedFd(::bpf_prog_load(BPF_PROG_TYPE_XDP, "feedfarm_trial", "GPL", instructions, 2, nullptr));
}

bool Attaches(int program, int interface_index, uint32_t mode) {
  if (program < 0) return false;
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = mode;
  // The link detaches the program when it is closed.
  return ScopedFd(::bpf_link_create(program, interface_index, BPF_XDP, &options)).valid();
}

// Memory for frames, unmapped at the end.
class Frames {
 public:
  Frames()
      : memory_(::mmap(nullptr, kFrameBytes * kFrames, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  ~Frames() {
    if (memory_ != MAP_FAILED) ::munmap(memory_, kFrameBytes * kFrames);
  }
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  bool valid() const { return memory_ != MAP_FAILED; }
  uint64_t address() const { return reinterpret_cast<uint64_t>(memory_); }

 private:
  void* memory_;
};

template <class T>
bool Set(int socket, int option, const T& value) {
  return ::setsockopt(socket, SOL_XDP, option, &value, sizeof value) == 0;
}

bool BindsZeroCopy(int interface_index) {
  const Frames frames;
  const ScopedFd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!frames.valid() || !socket.valid()) return false;
  xdp_umem_reg memory{};
  memory.addr = frames.address();
  memory.len = uint64_t{kFrameBytes} * kFrames;
  memory.chunk_size = kFrameBytes;
  const bool ready = Set(socket.get(), XDP_UMEM_REG, memory) && Set(socket.get(), XDP_UMEM_FILL_RING, kRingEntries) &&
                     Set(socket.get(), XDP_UMEM_COMPLETION_RING, kRingEntries) &&
                     Set(socket.get(), XDP_RX_RING, kRingEntries);
  if (!ready) return false;
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = XDP_ZEROCOPY | XDP_USE_NEED_WAKEUP;
  address.sxdp_ifindex = static_cast<uint32_t>(interface_index);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

XdpAbilities TryXdp(int interface_index) {
  const ScopedFd program = LoadPass();
  XdpAbilities abilities;
  abilities.native = Attaches(program.get(), interface_index, XDP_FLAGS_DRV_MODE);
  abilities.generic = Attaches(program.get(), interface_index, XDP_FLAGS_SKB_MODE);
  abilities.zero_copy = BindsZeroCopy(interface_index);
  return abilities;
}

}  // namespace feedfarm
