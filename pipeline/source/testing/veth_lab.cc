#include "pipeline/source/testing/veth_lab.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm::testing {
namespace {

absl::Status Run(const std::string& command) {
  const int status = std::system(command.c_str());
  if (status != 0) return absl::InternalError(absl::StrCat("\"", command, "\" ended with ", status));
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  ScopedFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  if (write(fd.get(), text.data(), text.size()) < 0) return ErrnoStatus(absl::StrCat("write ", path));
  return absl::OkStatus();
}

}  // namespace

std::string WhyNoLab() { return geteuid() == 0 ? "" : "needs root: network namespaces, XDP"; }

absl::Status EnterNewNamespace() {
  if (unshare(CLONE_NEWNET) != 0) return ErrnoStatus("unshare CLONE_NEWNET");
  FEEDFARM_RETURN_IF_ERROR(Run("ip link set lo up"));
  // /proc/sys/net is the reader's own namespace.
  FEEDFARM_RETURN_IF_ERROR(WriteFile("/proc/sys/net/ipv4/conf/all/rp_filter", "0"));
  FEEDFARM_RETURN_IF_ERROR(WriteFile("/proc/sys/net/ipv4/conf/default/rp_filter", "0"));
  WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").IgnoreError();  // a kernel may lack IPv6
  return absl::OkStatus();
}

namespace {

// A link that was just set up drops what is sent into it until the kernel's link watch, which runs once a second at worst, has
// seen its carrier.
absl::Status AwaitRunning(const std::string& interface) {
  const ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
  const uint64_t give_up_ns = MonotonicNow() + 10'000'000'000;
  while (MonotonicNow() < give_up_ns) {
    if (ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return ErrnoStatus(absl::StrCat("flags of ", interface));
    if ((request.ifr_flags & IFF_RUNNING) != 0) return absl::OkStatus();
    sched_yield();
  }
  return absl::DeadlineExceededError(absl::StrCat(interface, " does not come up"));
}

}  // namespace

absl::Status MakeVeth(const VethOptions& options) {
  const std::string peer = absl::StrCat(options.name, "_tx");
  const std::string queues = absl::StrCat(" numrxqueues ", options.queues, " numtxqueues ", options.queues, " ");
  FEEDFARM_RETURN_IF_ERROR(Run(absl::StrCat("ip link add ", options.name, " mtu ", options.mtu, queues,
                                            "type veth peer name ", peer, " mtu ", options.mtu, queues)));
  if (!options.address.empty()) {
    FEEDFARM_RETURN_IF_ERROR(Run(absl::StrCat("ip addr add ", options.address, " dev ", options.name)));
  }
  FEEDFARM_RETURN_IF_ERROR(Run(absl::StrCat("ip link set ", peer, " up")));
  FEEDFARM_RETURN_IF_ERROR(Run(absl::StrCat("ip link set ", options.name, " up")));
  FEEDFARM_RETURN_IF_ERROR(AwaitRunning(peer));
  return AwaitRunning(options.name);
}

absl::StatusOr<FrameSender> FrameSender::Create(const std::string& interface) {
  // Protocol 0: it receives nothing.
  ScopedFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket AF_PACKET");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(absl::StrCat("bind AF_PACKET ", interface));
  }
  return FrameSender(std::move(fd));
}

absl::Status FrameSender::Send(std::span<const uint8_t> frame) {
  if (send(fd_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
    return ErrnoStatus("send frame");
  return absl::OkStatus();
}

absl::StatusOr<bool> HasXdpProgram(const std::string& interface) {
  uint32_t program = 0;
  const int error = bpf_xdp_query_id(static_cast<int>(if_nametoindex(interface.c_str())), 0, &program);
  if (error != 0) return ErrnoStatus(absl::StrCat("query XDP of ", interface), -error);
  return program != 0;
}

absl::StatusOr<uint64_t> TransmitDrops(const std::string& interface) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return ErrnoStatus("getifaddrs");
  absl::StatusOr<uint64_t> drops = absl::NotFoundError(absl::StrCat("no interface ", interface));
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (interface != entry->ifa_name || entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_PACKET) continue;
    drops = static_cast<const rtnl_link_stats*>(entry->ifa_data)->tx_dropped;
  }
  freeifaddrs(all);
  return drops;
}

}  // namespace feedfarm::testing
