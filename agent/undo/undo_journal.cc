#include "agent/undo/undo_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/files/durable_file.h"
#include "agent/undo/undo_frame.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr std::string_view kMagic = "FFUNDO1\n";
constexpr size_t kArgumentsMax = 16;

enum class PayloadType : uint8_t { kBegin = 1, kClose = 2 };

// Payload: u8 type, u64 number; kBegin goes on with u8 kind, run id, u8 argument count, arguments; a text is u32 length
// and its bytes.
void AppendText(std::string& out, std::string_view text) {
  uint8_t length[4];
  StoreLittle<uint32_t>(length, static_cast<uint32_t>(text.size()));
  out.append(reinterpret_cast<const char*>(length), sizeof length);
  out.append(text);
}

std::string PayloadHead(PayloadType type, uint64_t number) {
  uint8_t bytes[9];
  bytes[0] = static_cast<uint8_t>(type);
  StoreLittle<uint64_t>(bytes + 1, number);
  return std::string(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

std::string BeginPayload(uint64_t number, const UndoRecord& record) {
  std::string out = PayloadHead(PayloadType::kBegin, number);
  out.push_back(static_cast<char>(record.kind));
  AppendText(out, record.run_id);
  out.push_back(static_cast<char>(record.arguments.size()));
  for (const std::string& argument : record.arguments) AppendText(out, argument);
  return out;
}

// Takes the parts of a payload off its front; not ok() where one is missing.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view rest) : rest_(rest) {}

  uint64_t Take(size_t bytes) {
    if (rest_.size() < bytes) ok_ = false;
    if (!ok_) return 0;
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<uint8_t>(rest_[i]);
    rest_.remove_prefix(bytes);
    return value;
  }
  std::string TakeText() {
    const uint64_t length = Take(4);
    if (rest_.size() < length) ok_ = false;
    if (!ok_) return {};
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return text;
  }
  bool ok() const { return ok_; }
  bool whole() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

const char* KindName(UndoKind kind) {
  switch (kind) {
    case UndoKind::kKillCgroup:
      return "kill_cgroup";
    case UndoKind::kRemoveFile:
      return "remove_file";
    case UndoKind::kRemoveFolder:
      return "remove_folder";
    case UndoKind::kRestoreSysctl:
      return "restore_sysctl";
    case UndoKind::kRestoreMtu:
      return "restore_mtu";
    case UndoKind::kRestoreOffload:
      return "restore_offload";
    case UndoKind::kRestoreStamping:
      return "restore_stamping";
  }
  return nullptr;
}

absl::Status WriteAt(int fd, std::string_view bytes, uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(absl::StrCat("write ", path));
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

absl::Status Sync(int fd, const std::string& path) {
  return ::fsync(fd) == 0 ? absl::OkStatus() : ErrnoStatus(absl::StrCat("fsync ", path));
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  ScopedFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", folder));
  return Sync(fd.get(), folder);
}

}  // namespace

std::string UndoRecord::ToString() const {
  const char* const name = KindName(kind);
  return absl::StrCat(name != nullptr ? name : "unknown", " ", absl::StrJoin(arguments, " "),
                      run_id.empty() ? "" : absl::StrCat(" (run ", run_id, ")"));
}

absl::StatusOr<UndoJournal> UndoJournal::Open(Options options) {
  UndoJournal journal(std::move(options));
  FEEDFARM_RETURN_IF_ERROR(journal.Load());
  return journal;
}

absl::Status UndoJournal::Load() {
  auto file = ReadWholeFile(options_.path);
  if (absl::IsNotFound(file.status())) return Rewrite();
  if (!file.ok()) return file.status();
  // The file is renamed into place when it is whole, so it has its first bytes or is not ours.
  if (std::string_view(*file).substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError(absl::StrCat(options_.path, ": no undo journal at offset 0"));
  }
  uint64_t offset = kMagic.size();
  for (;;) {
    const UndoFrame frame = ReadUndoFrame(*file, offset);
    if (frame.state == UndoFrameState::kDamaged) {
      return absl::DataLossError(absl::StrCat(options_.path, ": damaged at offset ", offset));
    }
    if (frame.state != UndoFrameState::kWhole) break;
    FEEDFARM_RETURN_IF_ERROR(Apply(frame.payload, offset));
    offset = frame.next;
  }
  fd_ = ScopedFd(::open(options_.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd_.valid()) return ErrnoStatus(absl::StrCat("open ", options_.path));
  torn_bytes_ = file->size() - offset;
  if (torn_bytes_ > 0) return CutTo(offset);
  size_ = offset;
  return absl::OkStatus();
}

absl::Status UndoJournal::Apply(std::string_view payload, uint64_t offset) {
  const absl::Status unreadable =
      absl::DataLossError(absl::StrCat(options_.path, ": unreadable record at offset ", offset));
  PayloadReader reader(payload);
  const uint64_t type = reader.Take(1);
  const uint64_t number = reader.Take(8);
  if (type == static_cast<uint64_t>(PayloadType::kClose)) {
    if (!reader.whole()) return unreadable;
    open_.erase(number);
    return absl::OkStatus();
  }
  UndoRecord record;
  record.kind = static_cast<UndoKind>(reader.Take(1));
  record.run_id = reader.TakeText();
  const uint64_t count = reader.Take(1);
  for (uint64_t i = 0; i < count && reader.ok(); ++i) record.arguments.push_back(reader.TakeText());
  // A kind of a later version: what cannot be undone must not be forgotten.
  if (type != static_cast<uint64_t>(PayloadType::kBegin) || !reader.whole() || KindName(record.kind) == nullptr) {
    return unreadable;
  }
  next_number_ = std::max(next_number_, number + 1);
  open_[number] = std::move(record);
  return absl::OkStatus();
}

absl::Status UndoJournal::Append(std::string_view payload) {
  FEEDFARM_RETURN_IF_ERROR(broken_);
  At(UndoCrashPoint::kBeforeAppend);
  const std::string frame = EncodeUndoFrame(payload, size_);
  broken_ = WriteAt(fd_.get(), frame, size_, options_.path);
  At(UndoCrashPoint::kAfterAppend);
  if (broken_.ok()) broken_ = Sync(fd_.get(), options_.path);
  At(UndoCrashPoint::kAfterAppendSync);
  if (broken_.ok()) size_ += frame.size();
  return broken_;
}

absl::Status UndoJournal::CutTo(uint64_t size) {
  At(UndoCrashPoint::kBeforeCut);
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return ErrnoStatus(absl::StrCat("cut ", options_.path));
  At(UndoCrashPoint::kAfterCut);
  size_ = size;
  return Sync(fd_.get(), options_.path);
}

absl::Status UndoJournal::Rewrite() {
  const std::string beside = options_.path + ".new";
  At(UndoCrashPoint::kBeforeRewrite);
  ScopedFd fd(::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", beside));
  FEEDFARM_RETURN_IF_ERROR(WriteAt(fd.get(), kMagic, 0, beside));
  At(UndoCrashPoint::kAfterRewrite);
  FEEDFARM_RETURN_IF_ERROR(Sync(fd.get(), beside));
  At(UndoCrashPoint::kAfterRewriteSync);
  if (::rename(beside.c_str(), options_.path.c_str()) != 0) return ErrnoStatus(absl::StrCat("rename ", beside));
  fd_ = std::move(fd);
  size_ = kMagic.size();
  At(UndoCrashPoint::kAfterRename);
  FEEDFARM_RETURN_IF_ERROR(SyncFolderOf(options_.path));
  At(UndoCrashPoint::kAfterFolderSync);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> UndoJournal::Begin(UndoRecord record) {
  if (KindName(record.kind) == nullptr || record.arguments.size() > kArgumentsMax) {
    return absl::InvalidArgumentError(absl::StrCat("undo record: ", record.ToString()));
  }
  const uint64_t number = next_number_;
  const std::string payload = BeginPayload(number, record);
  if (payload.size() > kUndoPayloadBytesMax) return absl::InvalidArgumentError("undo record is too long");
  FEEDFARM_RETURN_IF_ERROR(Append(payload));
  ++next_number_;
  open_[number] = std::move(record);
  return number;
}

absl::Status UndoJournal::Close(uint64_t number) {
  if (!open_.contains(number)) return absl::OkStatus();
  FEEDFARM_RETURN_IF_ERROR(Append(PayloadHead(PayloadType::kClose, number)));
  open_.erase(number);
  if (!open_.empty()) return absl::OkStatus();
  // Nothing is left to undo, so the file need not grow for ever. It is durable either way: with all records closed, or
  // empty.
  broken_ = Rewrite();
  return broken_;
}

absl::StatusOr<UndoReport> UndoJournal::Replay(UndoExecutor& executor) {
  std::vector<uint64_t> numbers;
  for (const auto& [number, record] : open_) numbers.push_back(number);
  return ReplayNumbers(executor, numbers);
}

absl::StatusOr<UndoReport> UndoJournal::ReplayRun(UndoExecutor& executor, std::string_view run_id) {
  std::vector<uint64_t> numbers;
  for (const auto& [number, record] : open_) {
    if (record.run_id == run_id) numbers.push_back(number);
  }
  return ReplayNumbers(executor, numbers);
}

absl::StatusOr<UndoReport> UndoJournal::ReplayNumbers(UndoExecutor& executor, const std::vector<uint64_t>& numbers) {
  UndoReport report;
  for (size_t i = numbers.size(); i-- > 0;) {
    const UndoRecord& record = open_.at(numbers[i]);
    const std::string text = record.ToString();
    if (absl::Status status = executor.Undo(record); !status.ok()) {
      report.failed.push_back(absl::StrCat(text, ": ", status.message()));
      continue;
    }
    At(UndoCrashPoint::kAfterUndo);
    FEEDFARM_RETURN_IF_ERROR(Close(numbers[i]));
    report.undone.push_back(text);
  }
  return report;
}

}  // namespace feedfarm
