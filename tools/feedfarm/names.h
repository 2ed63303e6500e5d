#pragma once

#include "proto/farm_service.pb.h"

namespace feedfarm {

// "queued", "preparing" ...; "-" where unspecified.
const char* StateName(v1::RunState state);
// "fit", "suspect" ...
const char* HealthName(v1::HostHealth health);

}  // namespace feedfarm
