#include "coordinator/campaign/duration_estimate.h"

#include <cmath>

namespace feedfarm {

std::optional<uint64_t> EstimateTrafficNs(const v1::Scenario& scenario) {
  const v1::Traffic& traffic = scenario.traffic();
  if (!traffic.has_rate_pps() || traffic.rate_pps() <= 0) return std::nullopt;
  double packets = 0;
  if (traffic.has_synthetic() && traffic.synthetic().messages_per_packet() > 0) {
    packets =
        std::ceil(static_cast<double>(traffic.synthetic().messages()) / traffic.synthetic().messages_per_packet());
  } else if (traffic.has_capture()) {
    packets = static_cast<double>(traffic.capture().limit());
  }
  if (packets == 0) return std::nullopt;
  return static_cast<uint64_t>(packets / traffic.rate_pps() * 1e9);
}

}  // namespace feedfarm
