#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "pipeline/feed/framing.h"

namespace feedfarm {

// The state of a stream at one sequence, as messages of the feed's own protocol: applied to a cleared book they give
// the state that all messages before next_sequence() would. Memory is allocated and touched in the constructor and
// never grows: { u16 length, message } one after the other. One owner at a time.
class SnapshotImage {
 public:
  explicit SnapshotImage(size_t bytes_max) : bytes_(bytes_max) {}

  // --- Building ---
  void Clear() { size_ = messages_ = 0; }
  // False: no room for it; the image is as before. A message has at most 0xFFFF bytes.
  bool Append(std::span<const uint8_t> message) {
    if (message.size() > 0xFFFF || bytes_.size() - size_ < kLengthBytes + message.size()) return false;
    const uint16_t length = static_cast<uint16_t>(message.size());
    std::memcpy(bytes_.data() + size_, &length, kLengthBytes);
    if (length != 0) std::memcpy(bytes_.data() + size_ + kLengthBytes, message.data(), length);
    size_ += kLengthBytes + length;
    ++messages_;
    return true;
  }
  void Finish(const SessionId& session, uint64_t next_sequence) {
    session_ = session;
    next_sequence_ = next_sequence;
  }

  // --- Reading ---
  const SessionId& session() const { return session_; }
  // The first message of the stream that is not in the state.
  uint64_t next_sequence() const { return next_sequence_; }
  uint64_t messages() const { return messages_; }
  size_t bytes() const { return size_; }
  size_t bytes_max() const { return bytes_.size(); }

  // Calls apply(std::span<const uint8_t>) for at most `messages_max` messages from byte `at` on; returns where the next
  // ones begin, bytes() when that was the last one.
  template <class Apply>
  size_t Read(size_t at, uint64_t messages_max, Apply&& apply) const {
    for (; at != size_ && messages_max != 0; --messages_max) {
      uint16_t length;
      std::memcpy(&length, bytes_.data() + at, kLengthBytes);
      apply(std::span<const uint8_t>(bytes_.data() + at + kLengthBytes, length));
      at += kLengthBytes + length;
    }
    return at;
  }

 private:
  static constexpr size_t kLengthBytes = 2;

  std::vector<uint8_t> bytes_;
  size_t size_ = 0;
  uint64_t messages_ = 0;
  SessionId session_;
  uint64_t next_sequence_ = 1;
};

}  // namespace feedfarm
