#include "agent/undo/system_undo.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

absl::Status Senseless(const UndoRecord& record) {
  return absl::InvalidArgumentError(absl::StrCat("cannot undo: ", record.ToString()));
}

// Absolute, below the root, and without a way up.
bool SafePath(const std::string& path) {
  return path.size() > 1 && path[0] == '/' && path.find_first_not_of('/') != std::string::npos &&
         !absl::StrContains(absl::StrCat(path, "/"), "/../");
}

absl::Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  return ErrnoStatus(absl::StrCat("unlink ", path));
}

absl::Status RemoveFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? ErrnoStatus(absl::StrCat("remove ", path), error.value()) : absl::OkStatus();
}

absl::StatusOr<ifreq> Request(const std::string& interface) {
  ifreq request{};
  if (interface.empty() || interface.size() >= sizeof request.ifr_name) {
    return absl::InvalidArgumentError(absl::StrCat("interface name '", interface, "'"));
  }
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  return request;
}

// An interface that is gone has nothing to restore.
absl::Status Control(unsigned long command, ifreq& request, const char* what) {
  ScopedFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket");
  if (::ioctl(fd.get(), command, &request) == 0 || errno == ENODEV) return absl::OkStatus();
  return ErrnoStatus(absl::StrCat(what, " ", request.ifr_name));
}

absl::Status RestoreMtu(const std::string& interface, const std::string& mtu) {
  FEEDFARM_ASSIGN_OR_RETURN(ifreq request, Request(interface));
  if (!absl::SimpleAtoi(mtu, &request.ifr_mtu)) return absl::InvalidArgumentError(absl::StrCat("MTU '", mtu, "'"));
  return Control(SIOCSIFMTU, request, "set the MTU of");
}

absl::Status RestoreOffload(const std::string& interface, const std::string& offload, const std::string& value) {
  FEEDFARM_ASSIGN_OR_RETURN(ifreq request, Request(interface));
  ethtool_value setting{.cmd = 0, .data = value == "on" ? 1u : 0u};
  if (offload == "gro") setting.cmd = ETHTOOL_SGRO;
  if (offload == "gso") setting.cmd = ETHTOOL_SGSO;
  if (offload == "tso") setting.cmd = ETHTOOL_STSO;
  if (setting.cmd == 0 || (value != "on" && value != "off")) {
    return absl::InvalidArgumentError(absl::StrCat("offload ", offload, " ", value));
  }
  request.ifr_data = reinterpret_cast<char*>(&setting);
  return Control(SIOCETHTOOL, request, "set an offload of");
}

}  // namespace

absl::Status SystemUndo::RestoreSysctl(const std::string& name, const std::string& value) const {
  const std::string path = absl::StrCat(options_.sysctl_root, "/", name);
  if (!SafePath(path)) return absl::InvalidArgumentError(absl::StrCat("sysctl '", name, "'"));
  ScopedFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return absl::OkStatus();  // its interface is gone
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return ErrnoStatus(absl::StrCat("write ", path));
  }
  return absl::OkStatus();
}

// A PTP daemon may have changed the transmit side since: only what the NIC stamps on receipt is put back, unless the driver does not
// tell what it does now.
absl::Status SystemUndo::RestoreStamping(const UndoRecord& record) {
  StampingDevice& device = options_.stamping != nullptr ? *options_.stamping : kernel_;
  const std::string& interface = record.arguments[0];
  hwtstamp_config before{};
  if (interface.empty() || !absl::SimpleAtoi(record.arguments[1], &before.rx_filter) ||
      !absl::SimpleAtoi(record.arguments[2], &before.tx_type)) {
    return Senseless(record);
  }
  const absl::StatusOr<hwtstamp_config> now = device.Get(interface);
  if (now.ok() && now->rx_filter == before.rx_filter) return absl::OkStatus();
  if (now.ok()) before.tx_type = now->tx_type;
  const absl::Status status = device.Set(interface, before).status();
  // Gone, or with another driver that cannot stamp: nothing is on.
  return absl::IsUnimplemented(status) || absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status SystemUndo::Undo(const UndoRecord& record) {
  const std::vector<std::string>& arguments = record.arguments;
  switch (record.kind) {
    case UndoKind::kKillCgroup:
      return arguments.size() == 1 ? Cgroup::Reclaim(arguments[0], options_.cgroups) : Senseless(record);
    case UndoKind::kRemoveFile:
      return arguments.size() == 1 && SafePath(arguments[0]) ? RemoveFile(arguments[0]) : Senseless(record);
    case UndoKind::kRemoveFolder:
      return arguments.size() == 1 && SafePath(arguments[0]) ? RemoveFolder(arguments[0]) : Senseless(record);
    case UndoKind::kRestoreSysctl:
      return arguments.size() == 2 ? RestoreSysctl(arguments[0], arguments[1]) : Senseless(record);
    case UndoKind::kRestoreMtu:
      return arguments.size() == 2 ? RestoreMtu(arguments[0], arguments[1]) : Senseless(record);
    case UndoKind::kRestoreOffload:
      return arguments.size() == 3 ? RestoreOffload(arguments[0], arguments[1], arguments[2]) : Senseless(record);
    case UndoKind::kRestoreStamping:
      return arguments.size() == 3 ? RestoreStamping(record) : Senseless(record);
  }
  return Senseless(record);
}

}  // namespace feedfarm
