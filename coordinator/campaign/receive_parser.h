#pragma once

#include "coordinator/campaign/diagnostics.h"
#include "coordinator/campaign/map_reader.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Reads what `handler` says of receiving: method, queues, busy polling, receive times, requirements; the defaults where
// it says nothing (null). A requirement that the method cannot meet, or that the other fields do not ask for, is refused
// here: no host could run it.
void ReadReceive(MapReader* handler, v1::HandlerConfig* out, Diagnostics& diagnostics);

}  // namespace feedfarm
