#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "pipeline/base/build_stamp.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {

// What a profile was run with, beside what it says itself.
struct ProfileRun {
  BuildStamp build;
  std::string command;      // the profile and its arguments, as typed
  std::string config;       // all effective settings: its hash is the manifest's config_hash
  std::string config_path;  // "" = built in
  uint64_t seed = 0;
  std::string nic;               // interface; "" = none was used
  std::string timestamp_source;  // "none", "software", "hardware"
  // Of a target profile: the run's manifest as the coordinator has it (hosts, NICs with driver and firmware), JSON.
  std::string farm_manifest;
  // In a run's report the run has its own manifest.json.
  std::string manifest_name = "manifest.json";
  uint64_t started_unix_ns = 0;
  uint64_t finished_unix_ns = 0;
};

// Writes summary.txt (the key=value line), summary.json, the manifest, proof.json and where there is one
// farm_manifest.json into `folder`, which is made.
// Files that are there are replaced, each as a whole. The file system's error with the file's name.
absl::Status WriteProfileFolder(const std::filesystem::path& folder, const ProfileReport& report,
                                const ProfileRun& run);

}  // namespace feedfarm
