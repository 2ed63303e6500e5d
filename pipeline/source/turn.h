#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "pipeline/source/packet_source.h"

namespace feedfarm {

// Whose turn it is among a source's rings: in each call every ring first gets its share of the batch, then what is left
// goes to those that have more, so that a flood on one line cannot starve the other; the next call starts with the next.
class Turn {
 public:
  // receive(ring, room) fills `room` from its start and returns how many.
  template <class ReceiveFrom>
  size_t Take(size_t rings, std::span<Packet> out, ReceiveFrom receive) {
    const size_t room = std::min(out.size(), kBatchMax);
    if (rings == 1) return receive(0, out.first(room));
    const size_t share = (room + rings - 1) / rings;
    size_t taken = 0;
    bool more = false;
    size_t ring = first_;
    for (size_t i = 0; i < rings && taken < room; ++i, ring = After(ring, rings)) {
      const size_t quota = std::min(share, room - taken);
      const size_t got = receive(ring, out.subspan(taken, quota));
      more = more || got == quota;
      taken += got;
    }
    ring = first_;
    for (size_t i = 0; more && i < rings && taken < room; ++i, ring = After(ring, rings)) {
      taken += receive(ring, out.subspan(taken, room - taken));
    }
    first_ = After(first_, rings);
    return taken;
  }

 private:
  static size_t After(size_t ring, size_t rings) { return ring + 1 == rings ? 0 : ring + 1; }

  size_t first_ = 0;
};

}  // namespace feedfarm
