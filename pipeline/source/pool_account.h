#pragma once

#include "pipeline/source/packet_source.h"
#include "pipeline/xdp/frame_pool.h"

namespace feedfarm {

// A source's pool, as its counters show it.
inline void AccountPool(const FramePool& pool, SourceCounters& counters) {
  counters.pool_frames = pool.frames();
  counters.pool_available = pool.available();
  counters.pool_misses = pool.misses();
  counters.pool_return_drops = pool.return_drops();
}

}  // namespace feedfarm
