#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/journal/journal_folder.h"

namespace feedfarm {

// A folder in memory that knows what a power cut may take: bytes that were not synced, page by page in any choice, cuts
// that were not synced, and names that were not synced, one by one in any choice. A killed process loses nothing of it.
//
// Steps are counted: every call that changes something is one before it and one after it; an append has one in its
// middle as well, with half of its bytes in the file. At step `stop_at` everything ends: that call and all later ones
// fail, as a process that is no more. Then PowerCut or Kill make of it what the next process finds.
class ModelFolder final : public JournalFolder {
 public:
  absl::StatusOr<std::vector<std::string>> List() override;
  absl::Status Read(const std::string& name, FileBytes* out) override;
  void Expect(const std::string&) override {}
  absl::StatusOr<std::unique_ptr<JournalFile>> Create(const std::string& name) override;
  absl::Status Truncate(const std::string& name, uint64_t bytes) override;
  absl::Status SyncFile(const std::string& name) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& name) override;
  absl::Status SyncNames() override;
  std::string PathOf(const std::string& name) const override { return "/model/" + name; }

  uint64_t steps() const { return steps_; }
  // 0 = never.
  void StopAt(uint64_t step) { stop_at_ = step; }
  bool stopped() const { return stop_at_ != 0 && steps_ >= stop_at_; }

  // The process was killed: all that was written is there.
  void Kill() { Restart(); }
  // The power went: of what was not synced some is there, drawn from `seed`.
  void PowerCut(uint64_t seed);

  // From now on appends fail with `error` (ENOSPC, EIO, ...) after `bytes` more; 0 = no longer.
  void FailAppends(int error, uint64_t bytes) {
    append_error_ = error;
    append_bytes_left_ = bytes;
  }
  // From now on Sync and SyncFile fail with `error`.
  void FailSyncs(int error) { sync_error_ = error; }

  // The bytes of a file, to be damaged. CHECKs that it is there.
  std::vector<uint8_t>& Bytes(const std::string& name);
  bool Has(const std::string& name) const { return names_.count(name) != 0; }
  void Erase(const std::string& name);

 private:
  struct File {
    std::vector<uint8_t> bytes;
    std::vector<uint8_t> durable;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;
  class OpenFile;

  // False: the process is no more.
  bool Alive() { return ++steps_, !stopped(); }
  static absl::Status Gone();
  absl::Status AppendTo(File& file, const std::string& name, std::span<const uint8_t> bytes);
  absl::Status SyncTo(File& file, const std::string& name);
  static void Tear(File& file, Rng& rng);
  void Restart();

  Names names_;
  Names durable_names_;
  uint64_t steps_ = 0;
  uint64_t stop_at_ = 0;
  int append_error_ = 0;
  uint64_t append_bytes_left_ = 0;
  int sync_error_ = 0;
};

}  // namespace feedfarm
