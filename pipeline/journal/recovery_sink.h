#pragma once

#include "absl/status/status.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/record.h"
#include "pipeline/journal/snapshot.h"

namespace feedfarm {

// What recovery fills: a call a record, not a message.
class RecoverySink {
 public:
  virtual ~RecoverySink() = default;
  // As before everything.
  virtual void Reset() = 0;
  // The state that a whole snapshot says, over one that was just reset. DATA_LOSS: its messages do not make its state.
  virtual absl::Status Load(const SnapshotView& snapshot) = 0;
  // The next record. DATA_LOSS: it contradicts what came before.
  virtual absl::Status Apply(const RecordView& record) = 0;
  virtual const JournalCursor& cursor() const = 0;
  // A state from elsewhere has begun and is not whole.
  virtual bool in_state() const = 0;
};

}  // namespace feedfarm
