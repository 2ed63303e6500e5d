#include "agent/host/link_query.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// A link's attributes with statistics and virtual functions; the kernel never sends more in one message.
constexpr size_t kAnswerBytes = 64 * 1024;

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
};

// Calls fn(type, bytes) for each attribute of a run of them.
template <class Fn>
void ForEachAttribute(std::string_view run, Fn&& fn) {
  while (run.size() >= sizeof(rtattr)) {
    rtattr attribute;
    std::memcpy(&attribute, run.data(), sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > run.size()) return;
    fn(attribute.rta_type & NLA_TYPE_MASK, run.substr(RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0)));
    run.remove_prefix(std::min<size_t>(RTA_ALIGN(attribute.rta_len), run.size()));
  }
}

uint32_t Number(std::string_view bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

std::string Text(std::string_view bytes) { return std::string(bytes.substr(0, bytes.find('\0'))); }

std::string Mac(std::string_view bytes) {
  if (bytes.size() != 6) return {};
  std::string mac;
  for (const char byte : bytes)
    absl::StrAppendFormat(&mac, "%s%02x", mac.empty() ? "" : ":", static_cast<uint8_t>(byte));
  return mac;
}

std::string XdpMode(uint32_t attached) {
  switch (attached) {
    case XDP_ATTACHED_DRV:
      return "native";
    case XDP_ATTACHED_SKB:
      return "generic";
    case XDP_ATTACHED_HW:
      return "offload";
    case XDP_ATTACHED_MULTI:
      return "several";
  }
  return {};
}

void TakeXdp(std::string_view nested, LinkAttributes& link) {
  ForEachAttribute(nested, [&](int type, std::string_view bytes) {
    if (type == IFLA_XDP_ATTACHED) link.xdp_mode = XdpMode(Number(bytes));
    if (type == IFLA_XDP_PROG_ID) link.xdp_program_id = Number(bytes);
  });
}

void TakeAttribute(int type, std::string_view bytes, LinkAttributes& link) {
  if (type == IFLA_ADDRESS) link.mac = Mac(bytes);
  if (type == IFLA_MTU) link.mtu = Number(bytes);
  if (type == IFLA_NUM_RX_QUEUES) link.rx_queues = Number(bytes);
  if (type == IFLA_NUM_TX_QUEUES) link.tx_queues = Number(bytes);
  if (type == IFLA_QDISC) link.qdisc = Text(bytes);
  if (type == IFLA_PROMISCUITY) link.promiscuous = Number(bytes) > 0;
  if (type == IFLA_XDP) TakeXdp(bytes, link);
  if (type == IFLA_LINKINFO) {
    ForEachAttribute(bytes, [&](int inner, std::string_view value) {
      if (inner == IFLA_INFO_KIND) link.kind = Text(value);
    });
  }
}

absl::StatusOr<LinkAttributes> ReadAnswer(std::string_view answer, const std::string& interface) {
  nlmsghdr header;
  if (answer.size() < sizeof header) return absl::InternalError("netlink: short answer");
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > answer.size()) {
    return absl::InternalError("netlink: cut answer");
  }
  answer = answer.substr(0, header.nlmsg_len);
  answer.remove_prefix(NLMSG_HDRLEN);
  if (header.nlmsg_type == NLMSG_ERROR) {
    const int error = -static_cast<int>(Number(answer));
    if (error == ENODEV) return absl::NotFoundError(absl::StrCat("no interface ", interface));
    return ErrnoStatus(absl::StrCat("get link ", interface), error);
  }
  ifinfomsg message;
  if (header.nlmsg_type != RTM_NEWLINK || answer.size() < sizeof message) {
    return absl::InternalError("netlink: unexpected answer");
  }
  std::memcpy(&message, answer.data(), sizeof message);
  LinkAttributes link;
  link.index = message.ifi_index;
  link.up = (message.ifi_flags & IFF_UP) != 0;
  link.carrier = (message.ifi_flags & IFF_RUNNING) != 0;
  link.promiscuous = (message.ifi_flags & IFF_PROMISC) != 0;
  link.all_multicast = (message.ifi_flags & IFF_ALLMULTI) != 0;
  answer.remove_prefix(NLMSG_ALIGN(sizeof message));
  ForEachAttribute(answer, [&](int type, std::string_view bytes) { TakeAttribute(type, bytes, link); });
  return link;
}

}  // namespace

absl::StatusOr<LinkAttributes> QueryLink(const std::string& interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return absl::NotFoundError(absl::StrCat("no interface ", interface));
  ScopedFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return ErrnoStatus("netlink socket");
  LinkRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_index = static_cast<int>(index);
  if (::send(fd.get(), &request, sizeof request, 0) < 0) return ErrnoStatus("netlink send");
  std::vector<char> answer(kAnswerBytes);
  const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), 0);
  if (got < 0) return ErrnoStatus("netlink receive");
  return ReadAnswer({answer.data(), static_cast<size_t>(got)}, interface);
}

}  // namespace feedfarm
