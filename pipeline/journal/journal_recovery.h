#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/clock.h"
#include "pipeline/journal/journal_folder.h"
#include "pipeline/journal/recovery_report.h"
#include "pipeline/journal/recovery_sink.h"
#include "pipeline/journal/segment.h"

namespace feedfarm {

// Brings a sink to the state that the folder's journal says, and the folder into a shape that a writer can go on
// behind: newest whole snapshot, then every record from its cursor on.
//
//   interrupted file (".new")             removed
//   damaged snapshot                      passed over for the one before; reported
//   torn record at the journal's end      cut off, reported. Torn: nothing behind it says that its bytes were ever
//   synced state from elsewhere, not whole       cut off with all behind it: it was not used yet damaged record
//   elsewhere              DATA_LOSS with segment and offset segment that is not there             DATA_LOSS with the
//   records that are missing snapshots, but none whole             DATA_LOSS unless the segments go back to record 0
//
// May be killed at any step and begun again: the state is the same. An empty folder is a journal without records.
class JournalRecovery {
 public:
  // All is borrowed.
  JournalRecovery(JournalFolder* folder, const Clock* clock, RecoverySink* sink)
      : folder_(folder), clock_(clock), sink_(sink) {}

  // On an error the sink's state means nothing. Otherwise besides the above: errno of the failed call.
  absl::StatusOr<RecoveryReport> Run();

 private:
  // Where a state from elsewhere began.
  struct Place {
    size_t segment = 0;
    uint64_t offset = 0;
  };

  absl::Status List();
  absl::Status LoadSnapshot();
  absl::Status LoadSnapshotFile(const std::string& name);
  absl::Status ReplaySegments();
  absl::Status CheckComplete(size_t first) const;
  absl::Status ReplaySegment(size_t index);
  absl::Status CutTorn(size_t index, const SegmentWalk& walk, uint64_t segment_bytes);
  absl::Status CutBehind(const Place& place);

  JournalFolder* const folder_;
  const Clock* const clock_;
  RecoverySink* const sink_;
  RecoveryReport report_;
  FileBytes bytes_;
  std::vector<uint64_t> segments_;   // rising
  std::vector<uint64_t> snapshots_;  // rising
  Place state_place_;
};

}  // namespace feedfarm
