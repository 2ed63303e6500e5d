#pragma once

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/farm_service.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Bounds of a campaign file. A file beyond one of them is refused with a diagnostic, never read on.
inline constexpr size_t kCampaignBytesMax = 1 << 18;
inline constexpr size_t kCampaignRunsMax = 1000;  // scenarios x matrix x repetitions
inline constexpr size_t kDiagnosticsMax = 100;

// A campaign, or everything that is wrong with its file; never both.
struct CampaignOrDiagnostics {
  v1::Campaign campaign;
  // Sorted by line and column, without repeats, at most kDiagnosticsMax.
  std::vector<v1::Diagnostic> diagnostics;

  bool ok() const { return diagnostics.empty(); }
};

// Parses, checks and expands a campaign file (docs/campaign.md): defaults are merged, matrices expanded, units
// converted, gates type-checked. `file_name` is put into the diagnostics as it is; a relative capture path is taken
// from its folder and is an error when that folder is not absolute. `text` is any bytes. Pure: opens no file.
// Thread-safe. Throws nothing.
CampaignOrDiagnostics ParseCampaign(absl::string_view file_name, absl::string_view text);

}  // namespace feedfarm
