#pragma once

#include <memory>
#include <span>
#include <vector>

#include "pipeline/source/line_ports.h"
#include "pipeline/source/receive_grant.h"
#include "pipeline/source/receive_options.h"
#include "pipeline/xdp/hardware_stamping.h"

namespace feedfarm {

// Hardware receive time on a source's interfaces, as far as it was asked for: switched on where `wanted` is kHardware,
// and put back when this object ends. What is asked for and not there is refused in `grants`.
class ReceiveTime {
 public:
  ReceiveTime() = default;
  ReceiveTime(WantedTime wanted, std::span<const LinePort> ports, SourceGrants& grants);

  // Every interface stamps what it receives.
  bool hardware() const { return hardware_; }

 private:
  std::unique_ptr<StampingDevice> device_;
  std::vector<std::unique_ptr<HardwareStamping>> stampings_;  // borrow device_
  bool hardware_ = false;
};

}  // namespace feedfarm
