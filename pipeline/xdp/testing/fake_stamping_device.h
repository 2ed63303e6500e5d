#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/xdp/hardware_stamping.h"

namespace feedfarm {

// An interface as its driver would answer.
class FakeStampingDevice final : public StampingDevice {
 public:
  absl::StatusOr<hwtstamp_config> Get(const std::string&) override {
    if (!tells) return absl::UnimplementedError("no SIOCGHWTSTAMP");
    return config;
  }
  absl::StatusOr<hwtstamp_config> Set(const std::string&, const hwtstamp_config& wanted) override {
    set.push_back(wanted);
    if (!can) return absl::UnimplementedError("no SIOCSHWTSTAMP");
    config = wanted;
    if (only_ptp && wanted.rx_filter == HWTSTAMP_FILTER_ALL) config.rx_filter = HWTSTAMP_FILTER_PTP_V2_EVENT;
    return config;
  }

  hwtstamp_config config{};
  bool tells = true;
  bool can = true;
  bool only_ptp = false;
  std::vector<hwtstamp_config> set;
};

}  // namespace feedfarm
