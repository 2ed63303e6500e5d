#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "coordinator/rate_search/search_goal.h"
#include "coordinator/store/record.pb.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// A trial that ended in trouble of the farm is done again, this often in all; then the search is an infrastructure error.
inline constexpr uint32_t kTrialAttemptsMax = 3;

// What a run that is a search does next.
struct SearchStep {
  enum class Kind : uint8_t {
    kWait,   // for the trial that is under way
    kTry,    // `trial`
    kOver,   // `result`, and what ended it before its time
  };
  Kind kind = Kind::kWait;
  Trial trial;
  // What is known so far; of kOver, what is known at all.
  v1::RateSearchResult result;
  bool cancelled = false;
  std::vector<record::RunFailure> failures;
  std::vector<std::string> farm_failures;
};

// Decides by the search's trials so far, in their order: a pure function of durable records, so that a restart goes on where it was. A handler
// that fails of itself ends the search: that is a finding. A trial that was cancelled ends it too.
SearchStep NextSearchStep(const v1::RateSearch& search, std::span<const record::RunRecord* const> trials);

}  // namespace feedfarm
