#pragma once

#include <nlohmann/json_fwd.hpp>

#include "proto/result.pb.h"

namespace feedfarm {

// Every metric of the catalog by name: a number (durations in ns, ratios 0..1), a hash as text, or null where there is
// none; counts by line, type and reason as objects: "malformed_packets.A", "messages[A]" as in gates.
nlohmann::ordered_json MetricsJson(const v1::RunResult& result);

}  // namespace feedfarm
