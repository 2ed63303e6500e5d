#include "coordinator/rate_search/relevant_bounds.h"

namespace feedfarm {

RelevantBounds FindBounds(const LoadTarget& target, const TrialsByLoad& trials) {
  RelevantBounds bounds;
  for (const auto& [position, at_load] : trials) {
    switch (Classify(target, at_load)) {
      case LoadClass::kLower:
        bounds.lower = position;
        break;
      case LoadClass::kUpper:
        bounds.upper = position;
        return bounds;
      case LoadClass::kUndecided:
        break;
    }
  }
  return bounds;
}

}  // namespace feedfarm
