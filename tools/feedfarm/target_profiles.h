#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace feedfarm {

// A target profile with its arguments: a campaign, and the load that it asks for.
struct TargetPlan {
  std::string profile;
  // The campaign file, filled in.
  std::string yaml;
  // A short campaign of the same load, to be run first: can this farm's sender make it at all? Empty = not needed.
  std::string trial_yaml;
  // Packets a second on each line; 0 = the profile has no target.
  double rate_pps = 0;
  // "10000 Mbit/s / ((112 + 20) * 8 bits) = 9.47 Mpps"; empty without a target.
  std::string line_rate;
  uint64_t link_mbps = 0;
  uint32_t frame_bytes = 0;
  double seconds = 0;
  // Metrics of gates.md that the result line shows.
  std::vector<std::string> metrics;
};

// A profile that needs a coordinator and two hosts.
struct TargetProfile {
  std::string name;
  std::string synopsis;
  std::string meaning;
  // INVALID_ARGUMENT: bad arguments. OUT_OF_RANGE: no link can carry the target; the arithmetic.
  absl::StatusOr<TargetPlan> (*plan)(const std::vector<std::string>& arguments, uint64_t seed);
};

const std::vector<TargetProfile>& TargetProfiles();
// nullptr where there is none of this name.
const TargetProfile* FindTargetProfile(const std::string& name);

// What one frame of the profile's traffic takes on average: Ethernet 14, IPv4 20, UDP 8, MoldUDP64 20 and one block's
// length 2, an ITCH message of 28 (the mix of a real day), send trailer 16, frame check sequence 4.
inline constexpr uint32_t kTargetFrameBytes = 112;

}  // namespace feedfarm
