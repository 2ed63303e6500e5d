#pragma once

#include <linux/net_tstamp.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// The kernel's calls about an interface's stamping: SIOCGHWTSTAMP and SIOCSHWTSTAMP, by name, in the thread's network
// namespace.
class StampingDevice {
 public:
  virtual ~StampingDevice() = default;
  // Errors: errno and the interface's name; Unimplemented: the driver has no such thing.
  virtual absl::StatusOr<hwtstamp_config> Get(const std::string& interface);
  // The driver may do more than was asked: returns what it does now.
  virtual absl::StatusOr<hwtstamp_config> Set(const std::string& interface, const hwtstamp_config& config);
};

// True where the interface stamps all that it receives already.
bool StampsEverything(const std::string& interface, StampingDevice& device);

// An interface's hardware receive time, switched on while this object lives and put back as it was by the destructor.
// It is the interface's own state, not a socket's: a process that is killed leaves it on (which costs nothing but
// work of the NIC), and a PTP daemon's transmit setting is kept.
class HardwareStamping {
 public:
  // Does nothing where everything is stamped already. Where the driver tells no previous state (an old driver), there is
  // nothing to put back, and it stays on.
  // Unimplemented: the driver cannot; PermissionDenied: CAP_NET_ADMIN; FailedPrecondition: it answers with less than
  // every packet, and is put back at once; others: errno and the interface's name.
  static absl::StatusOr<std::unique_ptr<HardwareStamping>> SwitchOn(const std::string& interface,
                                                                    StampingDevice& device);
  ~HardwareStamping();
  HardwareStamping(const HardwareStamping&) = delete;
  HardwareStamping& operator=(const HardwareStamping&) = delete;

  // What is put back at the end; nothing where nothing was changed or known.
  const std::optional<hwtstamp_config>& previous() const { return previous_; }

 private:
  HardwareStamping(std::string interface, StampingDevice& device, std::optional<hwtstamp_config> previous);

  const std::string interface_;
  StampingDevice& device_;
  const std::optional<hwtstamp_config> previous_;
};

}  // namespace feedfarm
