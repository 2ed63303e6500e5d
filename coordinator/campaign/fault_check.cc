#include "coordinator/campaign/fault_check.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/duration_estimate.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

// Time that a number of packets takes; 0 where the capture sets the pace.
double PacketsNs(const v1::Traffic& traffic, double packets) {
  return traffic.has_rate_pps() ? packets / traffic.rate_pps() * 1e9 : 0;
}

double MessagesPerPacket(const v1::Traffic& traffic) {
  return traffic.has_synthetic() ? traffic.synthetic().messages_per_packet() : 1;
}

// How long a fault goes on after `at`.
double SpanNs(const v1::Traffic& traffic, const v1::Fault& fault) {
  switch (fault.kind_case()) {
    case v1::Fault::kCut:
      return static_cast<double>(fault.cut().duration_ns());
    case v1::Fault::kGap:
      return traffic.has_synthetic() ? PacketsNs(traffic, fault.gap().messages() / MessagesPerPacket(traffic)) : 0;
    case v1::Fault::kDuplicate:
      return PacketsNs(traffic, fault.duplicate().packets());
    case v1::Fault::kReorder:
      // The next one to be late is the one behind those that overtook.
      return PacketsNs(traffic, static_cast<double>(fault.reorder().packets()) * (fault.reorder().distance() + 1.0));
    case v1::Fault::kKillHandler:
    case v1::Fault::KIND_NOT_SET:
      return 0;
  }
  return 0;
}

void CheckEnd(const v1::Traffic& traffic, const v1::Fault& fault, uint64_t traffic_ns, Position position,
              Diagnostics& diagnostics) {
  const double at = static_cast<double>(fault.at_ns());
  const double end = at + SpanNs(traffic, fault);
  const std::string traffic_ends = absl::StrCat("the traffic ends after about ", FormatDurationNs(traffic_ns));
  if (at >= traffic_ns) {
    diagnostics.Add(position,
                    absl::StrCat("the fault at ", FormatDurationNs(at), " would never happen: ", traffic_ends));
  } else if (end > traffic_ns) {
    diagnostics.Add(position,
                    absl::StrCat("the fault would last until ", FormatDurationNs(end), ", but ", traffic_ends));
  }
}

bool Overlap(const v1::Fault& a, const v1::Fault& b) {
  return a.has_cut() && b.has_cut() && a.cut().line() == b.cut().line() &&
         a.at_ns() < b.at_ns() + b.cut().duration_ns() && b.at_ns() < a.at_ns() + a.cut().duration_ns();
}

}  // namespace

void CheckFaults(const v1::Scenario& scenario, std::span<const Position> positions, Diagnostics& diagnostics) {
  const std::optional<uint64_t> traffic_ns = EstimateTrafficNs(scenario);
  for (int i = 0; i < scenario.faults_size(); ++i) {
    const v1::Fault& fault = scenario.faults(i);
    if (traffic_ns.has_value()) CheckEnd(scenario.traffic(), fault, *traffic_ns, positions[i], diagnostics);
    if (fault.has_cut() && scenario.handler().receive() != v1::RECEIVE_METHOD_AF_XDP) {
      diagnostics.Add(positions[i], "a cut is made in the handler's XDP program: it needs receive: af_xdp");
    }
    for (int j = 0; j < i; ++j) {
      if (!Overlap(fault, scenario.faults(j))) continue;
      diagnostics.Add(positions[i], absl::StrCat("this cut overlaps the one on line ", positions[j].line,
                                                 ": a line has one cut at a time"));
      break;
    }
  }
}

void CheckTimeout(const v1::Scenario& scenario, Position position, Diagnostics& diagnostics) {
  const std::optional<uint64_t> traffic_ns = EstimateTrafficNs(scenario);
  // For a capture the estimate is only an upper bound.
  if (!traffic_ns.has_value() || scenario.traffic().has_capture() || scenario.timeout_ns() > *traffic_ns) return;
  diagnostics.Add(position,
                  absl::StrCat("the timeout of ", FormatDurationNs(scenario.timeout_ns()),
                               " is over before the traffic is, which takes about ", FormatDurationNs(*traffic_ns)));
}

}  // namespace feedfarm
