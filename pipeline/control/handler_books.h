#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/book/book_stage.h"
#include "pipeline/book/top_update.h"
#include "pipeline/control/handler_options.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/journal_ring.h"
#include "pipeline/journal/journal_stats.h"
#include "pipeline/journal/recovery_report.h"

namespace feedfarm {

// A handler's journal, whatever books it is of. Housekeeping thread, but for the ring.
class HandlerJournal {
 public:
  virtual ~HandlerJournal() = default;

  virtual JournalRing& ring() = 0;
  // Where it ended when it was opened, and how it came there.
  virtual const JournalCursor& recovered() const = 0;
  virtual const StreamTally& tally() const = 0;
  virtual const RecoveryReport& report() const = 0;

  virtual void Start() = 0;
  // After the hot thread's last word: what is in the ring is written and synced. The first error; harmless twice.
  virtual absl::Status Stop() = 0;
  virtual JournalStats stats() const = 0;
};

// The last stage of a handler, as its options want it.
struct HandlerBooks {
  std::unique_ptr<BookStage> stage;
  std::unique_ptr<HandlerJournal> journal;  // nullptr: none is kept
  // Of shards: ends their threads, and gives the hash of all changes of best prices. After the hot thread's last word.
  std::function<TopHash()> finish_tops;
  std::vector<std::string> not_granted;
};

// With a journal the books are already where it ended. Errors: of the books' memory; of the journal's folder and files.
absl::StatusOr<HandlerBooks> MakeHandlerBooks(const HandlerOptions& options);

}  // namespace feedfarm
