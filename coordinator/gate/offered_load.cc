#include "coordinator/gate/offered_load.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

constexpr uint64_t kStallNs = 200'000'000;
constexpr double kShortfall = 0.01;

double DataPackets(const v1::SourceResult& source) {
  return static_cast<double>(std::max(source.data_packets_a(), source.data_packets_b()));
}

}  // namespace

OfferedLoad LoadOf(double rate_pps, const v1::SourceResult& source, const HistogramSet& latencies) {
  OfferedLoad load;
  const double packets = DataPackets(source);
  if (packets == 0 || !(rate_pps > 0)) return load;
  for (const v1::TimestampClass timestamp_class : latencies.Classes(v1::LATENCY_METRIC_SEND)) {
    load.lateness_p99_ns =
        std::max(load.lateness_p99_ns, latencies.Quantile(v1::LATENCY_METRIC_SEND, timestamp_class, 0.99));
    load.lateness_max_ns = std::max(load.lateness_max_ns, latencies.Max(v1::LATENCY_METRIC_SEND, timestamp_class));
  }
  // A sender that falls behind ends as much later as its last packet was late.
  load.sent_pps = packets / (packets / rate_pps + static_cast<double>(load.lateness_max_ns) * 1e-9);
  return load;
}

uint64_t LatenessAllowedNs(double schedule_s) {
  return kStallNs + static_cast<uint64_t>(std::max(0.0, schedule_s) * kShortfall * 1e9);
}

std::string WhyNotOffered(const v1::Scenario& scenario, const v1::SourceResult& source,
                          const HistogramSet& latencies) {
  if (scenario.traffic().schedule_case() != v1::Traffic::kRatePps) return "";
  const double rate_pps = scenario.traffic().rate_pps();
  const OfferedLoad load = LoadOf(rate_pps, source, latencies);
  const uint64_t allowed_ns = LatenessAllowedNs(rate_pps > 0 ? DataPackets(source) / rate_pps : 0);
  if (load.lateness_p99_ns <= allowed_ns) return "";
  const auto text = [](uint64_t ns) { return FormatDurationNs(static_cast<double>(ns)); };
  return absl::StrCat("the source did not offer the load: a hundredth of its packets left more than ",
                      text(load.lateness_p99_ns), " late, ", text(allowed_ns), " are allowed; ",
                      absl::StrFormat("%.6g of %.6g packets a second on each line", load.sent_pps, rate_pps));
}

}  // namespace feedfarm
