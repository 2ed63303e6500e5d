#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/control/cut_command.h"

namespace feedfarm {

// Cuts that wait for their turn: a line's rule holds one cut, so the next one is armed when the one before is over.
// Pure; times are CLOCK_TAI.
class CutSchedule {
 public:
  void Add(const CutCommand& cut);

  // A cut to be armed now; it counts as armed. Call until there is none.
  std::optional<CutCommand> Due(uint64_t now_ns);

  // When Due will have one; UINT64_MAX: there is none left.
  uint64_t NextNs() const;

 private:
  struct Line {
    std::vector<CutCommand> waiting;  // by start, the latest first
    uint64_t free_at_ns = 0;          // the armed cut is over
  };
  std::array<Line, kLines> lines_;
};

}  // namespace feedfarm
