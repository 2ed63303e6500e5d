#include "pipeline/capture/byte_stream.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Read ahead: small enough to stay in the cache, large enough that a system call costs nothing beside it.
constexpr size_t kBufferBytes = 64 * 1024;

bool IsGzip(std::span<const uint8_t> bytes) { return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B; }

class FileStream final : public ByteStream {
 public:
  FileStream(std::string path, ScopedFd fd) : ByteStream(std::move(path)), fd_(std::move(fd)) {}

 private:
  absl::StatusOr<size_t> Read(std::span<uint8_t> out) override {
    while (true) {
      const ssize_t got = ::read(fd_.get(), out.data(), out.size());
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return ErrnoStatus(absl::StrCat("read ", name()));
    }
  }

  ScopedFd fd_;
};

class MemoryStream final : public ByteStream {
 public:
  MemoryStream(std::string name, std::vector<uint8_t> bytes) : ByteStream(std::move(name)), bytes_(std::move(bytes)) {}

 private:
  absl::StatusOr<size_t> Read(std::span<uint8_t> out) override {
    const size_t count = std::min(out.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }

  std::vector<uint8_t> bytes_;
  size_t at_ = 0;
};

// Unpacks another stream.
class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<ByteStream> packed) : ByteStream(packed->name()), packed_(std::move(packed)) {
    // 15 bits of window (the format's most), + 16: a gzip header and trailer.
    CHECK_EQ(inflateInit2(&inflate_, 15 + 16), Z_OK);
  }
  ~GzipStream() override { inflateEnd(&inflate_); }

 private:
  absl::StatusOr<size_t> Read(std::span<uint8_t> out) override {
    inflate_.next_out = out.data();
    inflate_.avail_out = static_cast<uInt>(out.size());
    while (inflate_.avail_out == out.size() && !finished_) FEEDFARM_RETURN_IF_ERROR(Step());
    return out.size() - inflate_.avail_out;
  }

  // Unpacks what one piece of packed bytes gives.
  absl::Status Step() {
    FEEDFARM_RETURN_IF_ERROR(packed_->Peek(2).status());
    const std::span<const uint8_t> input = packed_->ahead();
    if (input.empty() || (between_members_ && !IsGzip(input))) {
      // Bytes behind the last member are padding, as gzip(1) sees it; no bytes inside a member: the file was cut.
      if (!between_members_) set_cut_short();
      finished_ = true;
      return absl::OkStatus();
    }
    between_members_ = false;
    inflate_.next_in = const_cast<uint8_t*>(input.data());
    inflate_.avail_in = static_cast<uInt>(input.size());
    const int result = inflate(&inflate_, Z_NO_FLUSH);
    packed_->Consume(input.size() - inflate_.avail_in);
    if (result == Z_STREAM_END) {
      between_members_ = true;
      CHECK_EQ(inflateReset(&inflate_), Z_OK);
      return absl::OkStatus();
    }
    if (result == Z_OK || result == Z_BUF_ERROR) return absl::OkStatus();
    return packed_->Damaged(absl::StrCat("damaged gzip: ", inflate_.msg == nullptr ? "unknown" : inflate_.msg));
  }

  std::unique_ptr<ByteStream> packed_;
  z_stream inflate_{};
  bool between_members_ = false;
  bool finished_ = false;
};

absl::StatusOr<std::unique_ptr<ByteStream>> UnpackIfGzip(std::unique_ptr<ByteStream> stream) {
  FEEDFARM_ASSIGN_OR_RETURN(std::span<const uint8_t> first, stream->Peek(2));
  if (!IsGzip(first)) return stream;
  return std::make_unique<GzipStream>(std::move(stream));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> ByteStream::Open(const std::string& path) {
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  struct stat about;
  if (::fstat(fd.get(), &about) != 0) return ErrnoStatus(absl::StrCat("stat ", path));
  if (S_ISDIR(about.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, ": is a directory"));
  return UnpackIfGzip(std::make_unique<FileStream>(path, std::move(fd)));
}

std::unique_ptr<ByteStream> ByteStream::FromMemory(std::string name, std::vector<uint8_t> bytes) {
  auto stream = UnpackIfGzip(std::make_unique<MemoryStream>(std::move(name), std::move(bytes)));
  CHECK(stream.ok()) << "memory is always readable";
  return *std::move(stream);
}

absl::StatusOr<std::span<const uint8_t>> ByteStream::Peek(size_t bytes) {
  if (end_ - begin_ < bytes && !ended_) FEEDFARM_RETURN_IF_ERROR(FillTo(bytes));
  return std::span<const uint8_t>(buffer_.data() + begin_, std::min(bytes, end_ - begin_));
}

absl::Status ByteStream::FillTo(size_t bytes) {
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (end_ < bytes && !ended_) {
    // Doubled as the bytes come, so that a length that is a lie does not take the memory it names.
    if (end_ == buffer_.size()) buffer_.resize(std::max(buffer_.size() * 2, kBufferBytes));
    FEEDFARM_ASSIGN_OR_RETURN(const size_t got, Read(std::span(buffer_).subspan(end_)));
    ended_ = got == 0;
    end_ += got;
  }
  return absl::OkStatus();
}

void ByteStream::Consume(size_t bytes) {
  CHECK_LE(bytes, end_ - begin_);
  begin_ += bytes;
  offset_ += bytes;
}

absl::StatusOr<uint64_t> ByteStream::Skip(uint64_t bytes) {
  uint64_t skipped = 0;
  while (skipped < bytes) {
    const size_t step = static_cast<size_t>(std::min<uint64_t>(bytes - skipped, kBufferBytes));
    FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> next, Peek(step));
    if (next.empty()) break;
    Consume(next.size());
    skipped += next.size();
  }
  return skipped;
}

absl::Status ByteStream::Damaged(const std::string& what) const {
  return absl::DataLossError(absl::StrCat(name_, ": offset ", offset_, ": ", what));
}

std::string HexBytes(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 16))) {
    absl::StrAppendFormat(&text, "%s%02x", text.empty() ? "" : " ", byte);
  }
  return text;
}

}  // namespace feedfarm
