#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {

// How one side effect is undone. Numbers are on disk: never reuse one.
enum class UndoKind : uint8_t {
  kKillCgroup = 1,      // {name}: end every process in the group and remove it
  kRemoveFile = 2,      // {path}
  kRemoveFolder = 3,    // {path}: with everything in it
  kRestoreSysctl = 4,   // {path below /proc/sys, value}
  kRestoreMtu = 5,      // {interface, bytes}
  kRestoreOffload = 6,  // {interface, "gro" | "gso" | "tso", "on" | "off"}
  // {interface, rx_filter, tx_type}: what the NIC stamps (SIOCSHWTSTAMP), numbers of linux/net_tstamp.h
  kRestoreStamping = 7,
};

struct UndoRecord {
  UndoKind kind = UndoKind::kKillCgroup;
  // What it belongs to, so that one run can be undone alone.
  std::string run_id;
  std::vector<std::string> arguments;

  // One line: "kill_cgroup run-7 (run 7)".
  std::string ToString() const;
  friend bool operator==(const UndoRecord&, const UndoRecord&) = default;
};

// Does what records say. Every action must be harmless when it is done again, and OK when there is nothing left to
// undo.
class UndoExecutor {
 public:
  virtual ~UndoExecutor() = default;
  virtual absl::Status Undo(const UndoRecord& record) = 0;
};

// Moments around a durable step; a test ends the process there.
enum class UndoCrashPoint : uint8_t {
  kBeforeAppend,
  kAfterAppend,
  kAfterAppendSync,
  kBeforeRewrite,
  kAfterRewrite,
  kAfterRewriteSync,
  kAfterRename,
  kAfterFolderSync,
  kBeforeCut,
  kAfterCut,
  kAfterUndo,  // an action is done, its record still open
};

// What a replay did.
struct UndoReport {
  std::vector<std::string> undone;  // one line a record
  std::vector<std::string> failed;  // with the reason; these records stay open
};

// The agent's promise to put a host back: before each side effect a record of how to undo it is made durable, then the
// effect may happen; when it is undone the record is closed. At start, whatever is open is undone in reverse order.
//
// File: 8 bytes "FFUNDO1\n", then frames of u32 payload length, u32 check of length and place, u64 XXH3 of the payload
// seeded with its place; little-endian. A frame that is not whole is torn where no whole frame follows it (its effect
// never happened: it is cut off and reported), and damage otherwise (nothing is guessed).
//
// One thread. Cost of Begin and Close: a write and an fsync.
class UndoJournal {
 public:
  struct Options {
    std::string path;
    // Called at each point, may end the process. Tests only need it; empty = nothing.
    std::function<void(UndoCrashPoint)> crash_point;
  };

  // Opens or makes the file. DATA_LOSS: damage, with the offset, or a file that is no undo journal. Otherwise errno.
  static absl::StatusOr<UndoJournal> Open(Options options);

  // Makes `record` durable; only then may the effect happen. Returns the record's number. On an error the effect must
  // not happen; after a failed write or fsync every later Begin fails as well, as the disk's state is not known.
  absl::StatusOr<uint64_t> Begin(UndoRecord record);
  // The effect is undone (or never happened). An unknown number is OK: closing twice is harmless.
  absl::Status Close(uint64_t number);

  // Undoes open records in reverse order and closes them: all, or those of one run. A failed one stays open and does
  // not stop the others. Running it twice does nothing the second time. Status: the journal itself could not be
  // written.
  absl::StatusOr<UndoReport> Replay(UndoExecutor& executor);
  absl::StatusOr<UndoReport> ReplayRun(UndoExecutor& executor, std::string_view run_id);

  // Open records by number, which grows.
  const std::map<uint64_t, UndoRecord>& open_records() const { return open_; }
  // Bytes of a torn last record that Open cut off.
  uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  explicit UndoJournal(Options options) : options_(std::move(options)) {}

  absl::Status Load();
  absl::Status Apply(std::string_view payload, uint64_t offset);
  absl::Status Append(std::string_view payload);
  absl::Status CutTo(uint64_t size);
  // Replaces the file by an empty journal.
  absl::Status Rewrite();
  absl::StatusOr<UndoReport> ReplayNumbers(UndoExecutor& executor, const std::vector<uint64_t>& numbers);
  void At(UndoCrashPoint point) const {
    if (options_.crash_point) options_.crash_point(point);
  }

  Options options_;
  ScopedFd fd_;
  uint64_t size_ = 0;  // bytes of whole frames
  uint64_t next_number_ = 1;
  uint64_t torn_bytes_ = 0;
  absl::Status broken_;  // why nothing may be written any more
  std::map<uint64_t, UndoRecord> open_;
};

}  // namespace feedfarm
