#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/gate/histogram_set.h"
#include "coordinator/rate_search/search_goal.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// What a search's settings are for the algorithm. Goals that are none of the three are left out.
RateSearchSettings SearchSettings(const v1::RateSearch& search);

// The scenario of one trial: the search's own, with the trial's rate, as many messages as that takes, and without gates (a trial is not
// judged). `source_host` and `handler_host`: where the search's first trial ran, or empty.
v1::Scenario TrialScenario(const v1::Scenario& scenario, const Trial& trial, const std::string& source_host,
                           const std::string& handler_host);

// What the roles' accounts say of a trial. Loss is what the handler did not receive of the source's data packets on the worse line, before any
// recovery, or the messages in gaps; a strict goal needs no more, since a gap is loss. `latencies`: of the source's own
// lateness.
//
// The load was not offered, and the trial says nothing of the handler, where the source had send errors, where more than a hundredth of its
// packets were later than lateness_max_ns, or where packets were lost and any was later: what follows such a stall is a burst that nobody
// asked for.
//
// Nothing where it is not known how late the source was, as telemetry is missing: the trial is to be made again.
std::optional<v1::TrialOutcome> OutcomeOfTrial(const v1::RateSearch& search, const Trial& trial,
                                               const v1::HandlerResult& handler, const v1::SourceResult& source,
                                               const HistogramSet& latencies, uint64_t intervals_missing);

// What no load excuses, in one sentence: messages delivered twice or out of order; where nothing was lost, another stream or other books
// than the source's. Empty: the stream was right, as far as it came.
std::string WrongStream(const v1::TrialOutcome& outcome, const v1::HandlerResult& handler,
                        const v1::SourceResult& source);

// For the algorithm.
TrialResult ResultOfTrial(const v1::TrialOutcome& outcome);

}  // namespace feedfarm
