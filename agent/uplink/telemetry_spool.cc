#include "agent/uplink/telemetry_spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace feedfarm {
namespace {

constexpr size_t kHeaderBytes = 12;
// No interval is larger; a frame that says so is torn.
constexpr uint32_t kPayloadBytesMax = 16 << 20;

std::string Header(const std::string& payload) {
  std::string header(kHeaderBytes, '\0');
  auto* at = reinterpret_cast<uint8_t*>(header.data());
  StoreLittle<uint32_t>(at, static_cast<uint32_t>(payload.size()));
  StoreLittle<uint64_t>(at + 4, XXH3_64bits(payload.data(), payload.size()));
  return header;
}

absl::Status WriteAt(int fd, const std::string& bytes, uint64_t offset, const std::string& path) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(absl::StrCat("write ", path));
    done += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

// Fewer bytes than asked for where the file ends.
absl::StatusOr<std::string> ReadAt(int fd, size_t size, uint64_t offset, const std::string& path) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(absl::StrCat("read ", path));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TelemetrySpool>> TelemetrySpool::Open(Options options) {
  std::unique_ptr<TelemetrySpool> spool(new TelemetrySpool(std::move(options)));
  absl::MutexLock lock(&spool->mutex_);
  FEEDFARM_RETURN_IF_ERROR(spool->Load());
  return spool;
}

absl::Status TelemetrySpool::Load() {
  fd_ = ScopedFd(::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_.valid()) return ErrnoStatus(absl::StrCat("open ", options_.path));
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::string header, ReadAt(fd_.get(), kHeaderBytes, size_, options_.path));
    if (header.size() < kHeaderBytes) break;
    const auto* at = reinterpret_cast<const uint8_t*>(header.data());
    const uint32_t size = LoadLittle<uint32_t>(at);
    if (size > kPayloadBytesMax) break;
    FEEDFARM_ASSIGN_OR_RETURN(const std::string payload, ReadAt(fd_.get(), size, size_ + kHeaderBytes, options_.path));
    if (payload.size() < size || XXH3_64bits(payload.data(), size) != LoadLittle<uint64_t>(at + 4)) break;
    v1::TelemetryInterval interval;
    if (!interval.ParseFromString(payload) || interval.sequence() <= last_sequence_) break;
    last_sequence_ = interval.sequence();
    frames_.push_back({last_sequence_, size_ + kHeaderBytes, size});
    size_ = frames_.back().end();
  }
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) return ErrnoStatus(absl::StrCat("cut ", options_.path));
  return absl::OkStatus();
}

absl::Status TelemetrySpool::Append(v1::TelemetryInterval interval) {
  absl::MutexLock lock(&mutex_);
  interval.set_sequence(++last_sequence_);
  const std::string payload = interval.SerializeAsString();
  absl::Status kept = MakeRoom(kHeaderBytes + payload.size());
  if (kept.ok()) kept = WriteAt(fd_.get(), Header(payload) + payload, size_, options_.path);
  if (!kept.ok()) {
    ++dropped_;
    return kept;
  }
  frames_.push_back({last_sequence_, size_ + kHeaderBytes, static_cast<uint32_t>(payload.size())});
  size_ = frames_.back().end();
  return absl::OkStatus();
}

absl::StatusOr<std::string> TelemetrySpool::ReadPayload(const Frame& frame) const {
  FEEDFARM_ASSIGN_OR_RETURN(std::string payload, ReadAt(fd_.get(), frame.size, frame.offset, options_.path));
  if (payload.size() != frame.size) return absl::DataLossError(absl::StrCat(options_.path, " became shorter"));
  return payload;
}

absl::StatusOr<v1::TelemetryInterval> TelemetrySpool::After(uint64_t sequence) const {
  absl::MutexLock lock(&mutex_);
  const auto found = std::upper_bound(frames_.begin(), frames_.end(), sequence,
                                      [](uint64_t wanted, const Frame& frame) { return wanted < frame.sequence; });
  if (found == frames_.end()) return absl::NotFoundError(absl::StrCat("nothing after ", sequence));
  FEEDFARM_ASSIGN_OR_RETURN(const std::string payload, ReadPayload(*found));
  v1::TelemetryInterval interval;
  if (!interval.ParseFromString(payload)) return absl::DataLossError(absl::StrCat(options_.path, " was changed"));
  return interval;
}

void TelemetrySpool::Ack(uint64_t sequence) {
  absl::MutexLock lock(&mutex_);
  acked_ = std::max(acked_, std::min(sequence, last_sequence_));
  while (!frames_.empty() && frames_.front().sequence <= acked_) frames_.pop_front();
}

absl::Status TelemetrySpool::MakeRoom(uint64_t bytes) {
  if (size_ + bytes <= options_.bytes_max) return absl::OkStatus();
  // A quarter more than needed, so that the file is not rewritten for every interval.
  const uint64_t room = bytes + options_.bytes_max / 4;
  uint64_t live = 0;
  for (const Frame& frame : frames_) live += kHeaderBytes + frame.size;
  while (!frames_.empty() && live + room > options_.bytes_max) {
    live -= kHeaderBytes + frames_.front().size;
    frames_.pop_front();
    ++dropped_;
  }
  return Compact();
}

absl::Status TelemetrySpool::Compact() {
  const std::string beside = options_.path + ".new";
  ScopedFd fd(::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", beside));
  std::deque<Frame> moved;
  uint64_t size = 0;
  for (const Frame& frame : frames_) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::string payload, ReadPayload(frame));
    FEEDFARM_RETURN_IF_ERROR(WriteAt(fd.get(), Header(payload) + payload, size, beside));
    moved.push_back({frame.sequence, size + kHeaderBytes, frame.size});
    size = moved.back().end();
  }
  if (::rename(beside.c_str(), options_.path.c_str()) != 0) return ErrnoStatus(absl::StrCat("rename ", beside));
  fd_ = std::move(fd);
  frames_ = std::move(moved);
  size_ = size;
  return absl::OkStatus();
}

bool TelemetrySpool::WaitFor(uint64_t sequence, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this, sequence] {
    mutex_.AssertReaderHeld();
    return closed_ || last_sequence_ > sequence;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&ready), timeout);
  return last_sequence_ > sequence;
}

void TelemetrySpool::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

uint64_t TelemetrySpool::last_sequence() const {
  absl::MutexLock lock(&mutex_);
  return last_sequence_;
}

uint64_t TelemetrySpool::acked() const {
  absl::MutexLock lock(&mutex_);
  return acked_;
}

bool TelemetrySpool::collected() const {
  absl::MutexLock lock(&mutex_);
  return acked_ == last_sequence_;
}

uint64_t TelemetrySpool::dropped() const {
  absl::MutexLock lock(&mutex_);
  return dropped_;
}

}  // namespace feedfarm
