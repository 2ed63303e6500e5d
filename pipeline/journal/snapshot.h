#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/journal_folder.h"
#include "pipeline/journal/recovery_report.h"

namespace feedfarm {

// What a snapshot file says besides the messages that make the book. FORMAT.md, "Snapshots".
struct SnapshotHeader {
  JournalCursor cursor;
  StreamTally tally;
  uint64_t state_hash = 0;  // of the book
};

// Writes a snapshot file: header, then messages as they come, then what seals it. The file is durable and whole when
// Finish is OK; its name is the caller's. Never more than the buffer is in memory. Errors are kept and told by Finish.
class SnapshotWriter {
 public:
  explicit SnapshotWriter(std::unique_ptr<JournalFile> file);
  ~SnapshotWriter();

  void Begin(const SnapshotHeader& header);
  // At most 65,535 bytes.
  void Append(std::span<const uint8_t> message);
  // Errno of the first write or fdatasync that failed.
  absl::Status Finish();

 private:
  struct Checksum;
  void Put(std::span<const uint8_t> bytes);
  void Flush();

  const std::unique_ptr<JournalFile> file_;
  const std::unique_ptr<Checksum> checksum_;
  std::vector<uint8_t> buffer_;
  uint64_t messages_ = 0;
  uint64_t bytes_ = 0;
  absl::Status status_;
};

struct SnapshotView {
  SnapshotHeader header;
  uint64_t messages = 0;
  std::span<const uint8_t> body;  // MessageWalk; of the file's bytes
};

// DATA_LOSS: not whole, damaged or no snapshot; UNIMPLEMENTED: another version. Any bytes.
absl::StatusOr<SnapshotView> ParseSnapshot(std::span<const uint8_t> file);

}  // namespace feedfarm
