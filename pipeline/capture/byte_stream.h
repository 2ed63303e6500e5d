#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// The bytes of a file in order, unpacked where it is gzip (one member or several; told by its first two bytes). Reads
// ahead into one buffer that grows to the largest Peek. Owned by one thread.
class ByteStream {
 public:
  // As the file system says where it cannot be opened; FAILED_PRECONDITION where it is a directory.
  static absl::StatusOr<std::unique_ptr<ByteStream>> Open(const std::string& path);

  // The same over bytes in memory; `name` stands in messages where a path would.
  static std::unique_ptr<ByteStream> FromMemory(std::string name, std::vector<uint8_t> bytes);

  virtual ~ByteStream() = default;

  // The next min(`bytes`, what is left) bytes, without taking them. The view lives until the next Peek or Skip.
  // DATA_LOSS where the gzip stream is damaged; what the file system says where reading fails. A gzip stream without
  // its end ends where its bytes end, and cut_short() says so.
  absl::StatusOr<std::span<const uint8_t>> Peek(size_t bytes);

  // What was read ahead, at least what the last Peek showed; lives as long.
  std::span<const uint8_t> ahead() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Takes bytes that the last Peek or ahead() showed (CHECKed).
  void Consume(size_t bytes);

  // Takes up to `bytes`; returns how many there were.
  absl::StatusOr<uint64_t> Skip(uint64_t bytes);

  // Bytes taken so far; in a packed file they count unpacked.
  uint64_t offset() const { return offset_; }
  const std::string& name() const { return name_; }
  bool cut_short() const { return cut_short_; }

  // "NAME: offset N: WHAT", with this stream's name and offset.
  absl::Status Damaged(const std::string& what) const;

 protected:
  explicit ByteStream(std::string name) : name_(std::move(name)) {}

  // Reads up to `out.size()` > 0 unpacked bytes; 0 at the end.
  virtual absl::StatusOr<size_t> Read(std::span<uint8_t> out) = 0;

  void set_cut_short() { cut_short_ = true; }

 private:
  absl::Status FillTo(size_t bytes);

  std::string name_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;
  bool ended_ = false;
  bool cut_short_ = false;
};

// "89 50 4e 47", at most 16 of them.
std::string HexBytes(std::span<const uint8_t> bytes);

}  // namespace feedfarm
