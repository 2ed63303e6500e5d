#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace feedfarm {

// What the kernel says of an interface in this thread's network namespace, at one moment.
struct NetworkInterface {
  std::string name;
  int index = 0;
  uint32_t mtu = 0;
  bool up = false;
  uint32_t receive_queues = 1;         // 1 where the driver does not say
  bool hardware_receive_time = false;  // the driver claims it

  // NotFound: no such interface; others: errno and the interface's name.
  static absl::StatusOr<NetworkInterface> Probe(absl::string_view name);
};

}  // namespace feedfarm
