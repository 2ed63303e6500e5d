#pragma once

#include "pipeline/control/final_record.h"

namespace feedfarm {

// Adds what a killed handler process counted to what others did: sums, and the longer of times. Left alone is what its
// successor says for both: what the stream is and what the books hold, the pool, and what only its last process says of its journal.
void AddCounters(const FinalRecord& left, FinalRecord* sum);

}  // namespace feedfarm
