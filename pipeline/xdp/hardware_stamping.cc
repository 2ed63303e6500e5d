#include "pipeline/xdp/hardware_stamping.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

absl::StatusOr<hwtstamp_config> Call(unsigned long request_code, const char* name, const std::string& interface,
                                     hwtstamp_config config) {
  ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus("socket AF_INET");
  ifreq request{};
  interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
  request.ifr_data = reinterpret_cast<char*>(&config);
  if (ioctl(fd.get(), request_code, &request) == 0) return config;
  const std::string what = absl::StrCat(name, " ", interface);
  if (errno == EOPNOTSUPP) return absl::UnimplementedError(absl::StrCat(what, ": the driver has no hardware time"));
  return ErrnoStatus(what);
}

}  // namespace

absl::StatusOr<hwtstamp_config> StampingDevice::Get(const std::string& interface) {
  return Call(SIOCGHWTSTAMP, "SIOCGHWTSTAMP", interface, {});
}

absl::StatusOr<hwtstamp_config> StampingDevice::Set(const std::string& interface, const hwtstamp_config& config) {
  return Call(SIOCSHWTSTAMP, "SIOCSHWTSTAMP", interface, config);
}

bool StampsEverything(const std::string& interface, StampingDevice& device) {
  const absl::StatusOr<hwtstamp_config> config = device.Get(interface);
  return config.ok() && config->rx_filter == HWTSTAMP_FILTER_ALL;
}

absl::StatusOr<std::unique_ptr<HardwareStamping>> HardwareStamping::SwitchOn(const std::string& interface,
                                                                             StampingDevice& device) {
  const absl::StatusOr<hwtstamp_config> before = device.Get(interface);
  std::optional<hwtstamp_config> previous;
  hwtstamp_config wanted{};
  if (before.ok()) {
    previous = wanted = *before;
    if (before->rx_filter == HWTSTAMP_FILTER_ALL) previous.reset();
  }
  std::unique_ptr<HardwareStamping> stamping(new HardwareStamping(interface, device, previous));
  if (before.ok() && !previous) return stamping;
  wanted.flags = 0;
  wanted.rx_filter = HWTSTAMP_FILTER_ALL;
  FEEDFARM_ASSIGN_OR_RETURN(const hwtstamp_config now, device.Set(interface, wanted));
  if (now.rx_filter != HWTSTAMP_FILTER_ALL) {
    return absl::FailedPreconditionError(
        absl::StrCat(interface, " stamps only packets of filter ", now.rx_filter, ", not every one"));
  }
  return stamping;
}

HardwareStamping::HardwareStamping(std::string interface, StampingDevice& device,
                                   std::optional<hwtstamp_config> previous)
    : interface_(std::move(interface)), device_(device), previous_(std::move(previous)) {}

// Whatever the interface says now cannot be helped by its end.
HardwareStamping::~HardwareStamping() {
  if (previous_) device_.Set(interface_, *previous_).status().IgnoreError();
}

}  // namespace feedfarm
