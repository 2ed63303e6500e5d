#include "pipeline/source/receive_time.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {

ReceiveTime::ReceiveTime(WantedTime wanted, std::span<const LinePort> ports, SourceGrants& grants)
    : device_(std::make_unique<StampingDevice>()) {
  if (wanted == WantedTime::kSoftware) return;
  hardware_ = true;
  for (const LinePort& port : ports) {
    const std::string& name = port.interface.name;
    if (wanted == WantedTime::kAny) {
      if (StampsEverything(name, *device_)) continue;
      hardware_ = false;
      grants.Refuse(Grant::kHardwareTime, absl::StrCat(name, port.interface.hardware_receive_time
                                                                 ? " could stamp, and is not switched on"
                                                                 : " has no hardware receive time"));
      continue;
    }
    auto stamping = HardwareStamping::SwitchOn(name, *device_);
    if (stamping.ok()) {
      stampings_.push_back(*std::move(stamping));
    } else {
      hardware_ = false;
      grants.Refuse(Grant::kHardwareTime, std::string(stamping.status().message()));
    }
  }
}

}  // namespace feedfarm
