#include "coordinator/rate_search/line_rate.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace feedfarm {

double LineRatePps(uint64_t link_mbps, uint32_t frame_bytes) {
  const double bits = static_cast<double>(frame_bytes + kFrameOverheadBytes) * 8;
  return static_cast<double>(link_mbps) * 1e6 / bits;
}

std::string LineRateText(uint64_t link_mbps, uint32_t frame_bytes) {
  return absl::StrCat(link_mbps, " Mbit/s / ((", frame_bytes, " + ", kFrameOverheadBytes,
                      ") * 8 bits) = ", LoadText(LineRatePps(link_mbps, frame_bytes)));
}

absl::Status CheckLoadPossible(double load_pps, uint64_t link_mbps, uint32_t frame_bytes) {
  if (load_pps <= LineRatePps(link_mbps, frame_bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(LoadText(load_pps), " is impossible: the line rate of ", frame_bytes,
                                                 "-byte frames is ", LineRateText(link_mbps, frame_bytes)));
}

std::string LoadText(double load_pps) {
  if (load_pps >= 1e6) return absl::StrFormat("%.4g Mpps", load_pps / 1e6);
  if (load_pps >= 1e3) return absl::StrFormat("%.4g kpps", load_pps / 1e3);
  return absl::StrFormat("%.4g pps", load_pps);
}

}  // namespace feedfarm
