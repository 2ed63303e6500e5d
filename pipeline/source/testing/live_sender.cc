#include "pipeline/source/testing/live_sender.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/testing/live_sender_bpf.skel.h"

namespace feedfarm::testing {
namespace {

// Linux 5.18; the kernel's own NAPI budget.
constexpr uint32_t kBatch = 64;

struct SkeletonDeleter {
  void operator()(live_sender_bpf* skeleton) const { live_sender_bpf__destroy(skeleton); }
};

}  // namespace

class LiveSender::Impl {
 public:
  std::unique_ptr<live_sender_bpf, SkeletonDeleter> skeleton;
  std::vector<uint8_t> frame;
};

LiveSender::LiveSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LiveSender::~LiveSender() = default;

absl::StatusOr<std::unique_ptr<LiveSender>> LiveSender::Create(const std::string& interface,
                                                               std::span<const uint8_t> frame, uint16_t first_port,
                                                               uint32_t messages_per_packet) {
  auto impl = std::make_unique<Impl>();
  impl->frame.assign(frame.begin(), frame.end());
  impl->skeleton.reset(live_sender_bpf__open());
  if (impl->skeleton == nullptr) return ErrnoStatus("open BPF object live_sender");
  impl->skeleton->rodata->out_interface = if_nametoindex(interface.c_str());
  impl->skeleton->rodata->first_port = first_port;
  impl->skeleton->rodata->messages_per_packet = messages_per_packet;
  if (int error = live_sender_bpf__load(impl->skeleton.get()); error != 0) {
    return ErrnoStatus("load BPF program live_sender", -error);
  }
  return std::unique_ptr<LiveSender>(new LiveSender(std::move(impl)));
}

absl::Status LiveSender::Send(uint32_t frames, uint64_t period_ns) {
  auto* state = impl_->skeleton->bss;
  state->due_ns = 0;
  state->period_ns = period_ns;
  bpf_test_run_opts run{};
  run.sz = sizeof(run);
  run.data_in = impl_->frame.data();
  run.data_size_in = static_cast<uint32_t>(impl_->frame.size());
  run.repeat = static_cast<int>(frames);
  run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  run.batch_size = kBatch;
  const int error = bpf_prog_test_run_opts(bpf_program__fd(impl_->skeleton->progs.live_sender), &run);
  if (error != 0) return ErrnoStatus("BPF_PROG_TEST_RUN with live frames", -error);
  return absl::OkStatus();
}

absl::Status EnableGro(const std::string& interface) {
  ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket AF_INET");
  ethtool_value value{.cmd = ETHTOOL_SGRO, .data = 1};
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(fd.get(), SIOCETHTOOL, &request) != 0) return ErrnoStatus(absl::StrCat("ETHTOOL_SGRO ", interface));
  return absl::OkStatus();
}

}  // namespace feedfarm::testing
