#include "pipeline/xdp/network_interface.h"

#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

ifreq RequestFor(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  return request;
}

uint32_t ReceiveQueues(int fd, const std::string& name) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq request = RequestFor(name);
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(fd, SIOCETHTOOL, &request) != 0) return 1;
  return std::max<uint32_t>(1, channels.rx_count + channels.combined_count);
}

bool HardwareReceiveTime(int fd, const std::string& name) {
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  ifreq request = RequestFor(name);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (ioctl(fd, SIOCETHTOOL, &request) != 0) return false;
  return (info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE) != 0;
}

}  // namespace

absl::StatusOr<NetworkInterface> NetworkInterface::Probe(absl::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return absl::NotFoundError(absl::StrCat("\"", name, "\" is not an interface name"));
  }
  NetworkInterface result;
  result.name = std::string(name);
  ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket AF_INET");

  ifreq request = RequestFor(result.name);
  if (ioctl(fd.get(), SIOCGIFINDEX, &request) != 0) {
    if (errno == ENODEV) return absl::NotFoundError(absl::StrCat("no interface ", name));
    return ErrnoStatus(absl::StrCat("SIOCGIFINDEX ", name));
  }
  result.index = request.ifr_ifindex;
  if (ioctl(fd.get(), SIOCGIFMTU, &request) != 0) return ErrnoStatus(absl::StrCat("SIOCGIFMTU ", name));
  result.mtu = static_cast<uint32_t>(request.ifr_mtu);
  if (ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return ErrnoStatus(absl::StrCat("SIOCGIFFLAGS ", name));
  result.up = (request.ifr_flags & IFF_UP) != 0;
  result.receive_queues = ReceiveQueues(fd.get(), result.name);
  result.hardware_receive_time = HardwareReceiveTime(fd.get(), result.name);
  return result;
}

}  // namespace feedfarm
