#pragma once

#include <cstdint>
#include <string>

#include "coordinator/gate/histogram_set.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// How late a source was against its schedule, and so what load it really made.
struct OfferedLoad {
  // Packets a second on each line. Lateness is counted to 17 s: of a source that was later, this is at most.
  double sent_pps = 0;
  uint64_t lateness_p99_ns = 0;
  uint64_t lateness_max_ns = 0;
};

// Of a schedule of `rate_pps` packets a second. Pure.
OfferedLoad LoadOf(double rate_pps, const v1::SourceResult& source, const HistogramSet& latencies);

// Lateness that an ordinary run forgives, of a schedule this long: a shared host stops a sender for some ten milliseconds now and then.
uint64_t LatenessAllowedNs(double schedule_s);

// Why the load that the scenario's `rate` asks for was not offered, in one sentence: a hundredth of the packets left later than is
// allowed. That is a sender that cannot keep up, by more than a hundredth of the time, or one that was stopped for long. Empty: it
// was, or the traffic has no rate, or it is not known.
std::string WhyNotOffered(const v1::Scenario& scenario, const v1::SourceResult& source, const HistogramSet& latencies);

}  // namespace feedfarm
