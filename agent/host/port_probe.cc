#include "agent/host/port_probe.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/files/durable_file.h"
#include "agent/host/link_query.h"
#include "agent/host/xdp_trial.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Asks one interface; a command that its driver does not know is false.
class InterfaceIoctl {
 public:
  InterfaceIoctl(int socket, std::string_view interface) : socket_(socket) {
    std::memcpy(request_.ifr_name, interface.data(), std::min(interface.size(), sizeof request_.ifr_name - 1));
  }

  bool Ethtool(void* command) {
    request_.ifr_data = static_cast<char*>(command);
    return ::ioctl(socket_, SIOCETHTOOL, &request_) == 0;
  }
  bool Address(sockaddr_in& address) {
    if (::ioctl(socket_, SIOCGIFADDR, &request_) != 0 || request_.ifr_addr.sa_family != AF_INET) return false;
    std::memcpy(&address, &request_.ifr_addr, sizeof address);
    return true;
  }

 private:
  int socket_;
  ifreq request_{};
};

template <size_t N>
std::string Text(const char (&field)[N]) {
  return std::string(field, ::strnlen(field, N));
}

int NumaNode(const std::string& sys, const std::string& bus) {
  if (bus.empty() || bus.find('/') != std::string::npos) return -1;
  const auto text = ReadWholeFile(absl::StrCat(sys, "/bus/pci/devices/", bus, "/numa_node"));
  int node = -1;
  return text.ok() && absl::SimpleAtoi(*text, &node) ? node : -1;
}

void TakeDriver(InterfaceIoctl& ask, const std::string& sys, v1::PortFacts& facts) {
  facts.set_numa_node(-1);
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (!ask.Ethtool(&driver)) return;
  facts.set_driver(Text(driver.driver));
  facts.set_driver_version(Text(driver.version));
  facts.set_firmware(Text(driver.fw_version));
  facts.set_numa_node(NumaNode(sys, Text(driver.bus_info)));
}

uint64_t Mbps(uint32_t speed) { return speed == static_cast<uint32_t>(SPEED_UNKNOWN) ? 0 : speed; }

// The first call tells how many words the masks behind the struct need, the second one fills them.
uint64_t Speed(InterfaceIoctl& ask) {
  constexpr size_t kMaskWordsMax = 3 * 127;
  std::vector<uint32_t> words(sizeof(ethtool_link_settings) / sizeof(uint32_t) + kMaskWordsMax);
  auto* const settings = reinterpret_cast<ethtool_link_settings*>(words.data());
  settings->cmd = ETHTOOL_GLINKSETTINGS;
  if (ask.Ethtool(settings) && settings->link_mode_masks_nwords < 0) {
    settings->cmd = ETHTOOL_GLINKSETTINGS;
    settings->link_mode_masks_nwords = static_cast<int8_t>(-settings->link_mode_masks_nwords);
    if (ask.Ethtool(settings)) return Mbps(settings->speed);
  }
  ethtool_cmd old{};
  old.cmd = ETHTOOL_GSET;
  return ask.Ethtool(&old) ? Mbps(ethtool_cmd_speed(&old)) : 0;
}

void TakeQueues(InterfaceIoctl& ask, const LinkAttributes& link, v1::PortFacts& facts) {
  facts.set_rx_queues(link.rx_queues);
  facts.set_tx_queues(link.tx_queues);
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (!ask.Ethtool(&channels)) return;
  const uint32_t rx = channels.combined_count + channels.rx_count;
  const uint32_t tx = channels.combined_count + channels.tx_count;
  if (rx > 0) facts.set_rx_queues(rx);
  if (tx > 0) facts.set_tx_queues(tx);
}

// Received packets can carry the device's own time.
bool HardwareTimestamps(InterfaceIoctl& ask) {
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  constexpr uint32_t kNeeded = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
  return ask.Ethtool(&info) && (info.so_timestamping & kNeeded) == kNeeded &&
         (info.rx_filters & (1u << HWTSTAMP_FILTER_ALL)) != 0;
}

void TakeAddress(InterfaceIoctl& ask, v1::PortFacts& facts) {
  sockaddr_in address;
  char text[INET_ADDRSTRLEN];
  if (ask.Address(address) && ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text) != nullptr) {
    facts.set_ipv4(text);
  }
}

void TakeXdp(const LinkAttributes& link, v1::PortFacts& facts) {
  // Somebody else's program is not disturbed; it shows one mode at least.
  if (!link.xdp_mode.empty()) {
    facts.set_xdp_native(link.xdp_mode == "native");
    facts.set_xdp_generic(link.xdp_mode == "generic");
    return;
  }
  const XdpAbilities abilities = TryXdp(link.index);
  facts.set_xdp_native(abilities.native);
  facts.set_xdp_generic(abilities.generic);
  facts.set_zero_copy(abilities.zero_copy);
}

}  // namespace

absl::StatusOr<v1::PortFacts> ProbePort(const std::string& interface, bool try_xdp, const std::string& sys) {
  FEEDFARM_ASSIGN_OR_RETURN(const LinkAttributes link, QueryLink(interface));
  const ScopedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoStatus("socket");
  InterfaceIoctl ask(socket.get(), interface);
  v1::PortFacts facts;
  facts.set_name(interface);
  facts.set_mac(link.mac);
  facts.set_mtu(link.mtu);
  facts.set_carrier(link.carrier);
  facts.set_link_mbps(Speed(ask));
  facts.set_hardware_timestamps(HardwareTimestamps(ask));
  TakeDriver(ask, sys, facts);
  TakeQueues(ask, link, facts);
  TakeAddress(ask, facts);
  if (try_xdp) TakeXdp(link, facts);
  return facts;
}

}  // namespace feedfarm
