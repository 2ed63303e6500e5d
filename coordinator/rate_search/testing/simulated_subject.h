#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "coordinator/rate_search/rate_search.h"
#include "pipeline/base/rng.h"

namespace feedfarm {

// A subject that forwards up to its capacity and loses the rest, in simulated time. Deterministic from its seed.
class SimulatedSubject {
 public:
  struct Options {
    double capacity_pps = 10e6;
    // Standard deviation of the capacity from one trial of 1 s to the next, as a share of it. Shorter trials vary more, by the square root
    // of their length; longer ones do not vary less, which is worse than life.
    double noise = 0;
    // Stalls a second, each of stall_min_ns to stall_max_ns, in which everything is lost.
    double stalls_per_s = 0;
    double stall_min_ns = 2e6, stall_max_ns = 10e6;
    // Packets a second that the generator can offer; 0 = any.
    double generator_pps = 0;
  };

  SimulatedSubject(const Options& options, uint64_t seed) : options_(options), rng_(seed) {}

  TrialResult Run(const Trial& trial) {
    TrialResult result;
    result.trial = trial;
    if (options_.generator_pps > 0 && trial.load_pps > options_.generator_pps) {
      result.generator_limited = true;
      result.sent_pps = options_.generator_pps;
      return result;
    }
    const double seconds = static_cast<double>(trial.duration_ns) / 1e9;
    const double noise = options_.noise * Normal() * std::max(1.0, 1 / std::sqrt(seconds));
    const double capacity = options_.capacity_pps * (1 + noise);
    double lost = std::max(0.0, 1 - capacity / trial.load_pps);
    for (double at = Exponential(); at < seconds; at += Exponential()) {
      const double stall_ns = options_.stall_min_ns + Uniform() * (options_.stall_max_ns - options_.stall_min_ns);
      lost += stall_ns / static_cast<double>(trial.duration_ns);
    }
    // Less than one packet is none.
    const double sent = trial.load_pps * seconds;
    result.loss_ratio = std::clamp(std::floor(lost * sent) / sent, 0.0, 1.0);
    return result;
  }

 private:
  double Uniform() { return (static_cast<double>(rng_.Next() >> 11) + 0.5) * 0x1p-53; }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    return radius * std::cos(2 * M_PI * Uniform());
  }
  double Exponential() { return options_.stalls_per_s > 0 ? -std::log(Uniform()) / options_.stalls_per_s : 1e18; }

  const Options options_;
  Rng rng_;
};

// A whole search against anything that makes a result of a trial.
template <class Subject>
RateSearchResult RunSearch(const RateSearchSettings& settings, Subject&& subject, std::vector<TrialResult>* trials) {
  for (;;) {
    std::variant<Trial, RateSearchResult> next = NextTrial(settings, *trials);
    if (auto* result = std::get_if<RateSearchResult>(&next)) return *result;
    trials->push_back(subject(std::get<Trial>(next)));
  }
}

}  // namespace feedfarm
