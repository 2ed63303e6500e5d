#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/base/endian.h"
#include "pipeline/feed/framing.h"
#include "pipeline/journal/journal_cursor.h"
#include "pipeline/journal/record.h"

namespace feedfarm {

// A piece of the ring: what became one record's body, or a part of one.
struct RingRun {
  RecordKind kind = RecordKind::kMessages;
  uint8_t flags = 0;
  uint32_t generation = 0;
  uint32_t count = 0;
  uint64_t first_sequence = 0;
  std::span<const uint8_t> body;  // in the ring, until Consume
  size_t bytes = 0;               // to consume
};

// Where journalling ended because the ring was full.
struct RingOverrun {
  bool happened = false;
  uint32_t generation = 0;
  uint64_t sequence = 0;  // the first one that is not journalled
  uint64_t messages = 0;  // not journalled so far
};

// Carries delivered messages from the hot thread to the journal thread: a bounded ring of bytes in memory that is
// touched at the start, mapped twice in a row so that nothing ever wraps.
//
// The hot thread appends and publishes once a batch. It never waits: where the ring is full, journalling ends there for
// good; that is counted with the sequence, and what was written before stays a true prefix of the stream. Cost: 2 bytes
// and a copy of the message; Publish one store-release.
//
// One producer thread (hot), one consumer thread (journal). overrun() from any thread.
class JournalRing {
 public:
  // INVALID_ARGUMENT: `bytes` is no power of two or below 512 KiB; otherwise errno of memfd_create, ftruncate or mmap.
  static absl::StatusOr<std::unique_ptr<JournalRing>> Create(size_t bytes);
  ~JournalRing();
  JournalRing(const JournalRing&) = delete;
  JournalRing& operator=(const JournalRing&) = delete;

  // --- hot thread ---

  // A generation begins (the first one too): the book was cleared, `first_sequence` is next.
  void Begin(uint32_t generation, const SessionId& session, uint64_t first_sequence, const StreamFront& front);

  // One delivered message of at most 65,535 bytes. Within a generation sequences rise; they may leave some out.
  void Append(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message) {
    if (sequence != run_next_ || generation != run_generation_ || head_ + kLengthBytes + message.size() > run_end_)
        [[unlikely]] {
      if (!OpenMessages(generation, sequence, message.size())) return;
    }
    Put(message);
    ++run_next_;
  }

  // What the arbiter knows of send times by now (protocols that have them): before Publish, once a batch.
  void Front(uint32_t generation, const StreamFront& front);

  // The book was replaced by a state from elsewhere (GLIMPSE): BeginState clears it, each message is applied, and
  // EndState says which sequence of `generation` is next. None of them counts as a message of the stream.
  void BeginState(uint32_t generation);
  void AppendState(std::span<const uint8_t> message);
  void EndState(uint32_t generation, uint64_t next_sequence);

  // What was appended may be taken. Once a batch.
  void Publish() {
    if (run_open_) CloseRun();
    published_.store(head_, std::memory_order_release);  // Take's acquire sees the bytes
  }

  // --- journal thread ---

  // The next run at `offset` published bytes behind what was consumed. False where there is none.
  bool Peek(size_t offset, RingRun* run) const;
  // `bytes` from the front may be written over.
  void Consume(size_t bytes) {
    tail_ += bytes;
    consumed_.store(tail_, std::memory_order_release);  // HasRoom's acquire: they were read
  }
  // Bytes published and not consumed: largest just before they are taken.
  size_t used_bytes() const { return published_.load(std::memory_order_acquire) - tail_; }

  // --- any thread ---
  RingOverrun overrun() const;
  size_t capacity_bytes() const { return capacity_; }

 private:
  static constexpr size_t kRunHeaderBytes = 24;
  static constexpr size_t kLengthBytes = 2;
  static constexpr uint64_t kNoSequence = UINT64_MAX;

  JournalRing(uint8_t* memory, size_t capacity) : memory_(memory), capacity_(capacity) {}

  uint8_t* At(uint64_t position) const { return memory_ + (position & (capacity_ - 1)); }

  void Put(std::span<const uint8_t> message) {
    uint8_t* const at = At(head_);
    StoreLittle<uint16_t>(at, static_cast<uint16_t>(message.size()));
    CopyShort(at + kLengthBytes, message.data(), message.size());
    head_ += kLengthBytes + message.size();
    ++run_count_;
  }

  // Nearly all messages have 16 to 48 bytes, in no order that a branch could guess: three overlapping copies of 16 take
  // any of them.
  static void CopyShort(uint8_t* to, const uint8_t* from, size_t size) {
    if (size - 16 <= 32) [[likely]] {
      const size_t middle = size < 32 ? size - 16 : 16;
      const Block first = LoadBlock(from);
      const Block second = LoadBlock(from + middle);
      const Block third = LoadBlock(from + size - 16);
      std::memcpy(to, &first, 16);
      std::memcpy(to + middle, &second, 16);
      std::memcpy(to + size - 16, &third, 16);
    } else if (size != 0) {
      std::memcpy(to, from, size);
    }
  }
  struct Block {
    uint64_t low, high;
  };
  static Block LoadBlock(const uint8_t* from) {
    Block block;
    std::memcpy(&block, from, sizeof block);
    return block;
  }

  bool OpenMessages(uint32_t generation, uint64_t sequence, size_t message_bytes);
  // Ends the open run and begins one with room for `body_bytes`. False: there is none, journalling ends here.
  bool OpenRun(RecordKind kind, uint8_t flags, uint32_t generation, uint64_t first_sequence, size_t body_bytes);
  // A run of fixed size that is whole at once.
  void PutRun(RecordKind kind, uint8_t flags, uint32_t generation, uint64_t first_sequence,
              std::span<const uint8_t> body);
  void CloseRun();
  bool HasRoom(size_t bytes);

  uint8_t* const memory_;
  const size_t capacity_;

  // Hot thread's.
  alignas(64) uint64_t head_ = 0;
  uint64_t run_end_ = 0;  // the open run's body ends here at the latest; 0 = none is open for messages
  uint64_t run_next_ = kNoSequence;
  uint32_t run_generation_ = 0;
  uint32_t run_count_ = 0;
  uint64_t run_start_ = 0;
  uint64_t tail_seen_ = 0;  // consumed_ when it was last looked at
  bool run_open_ = false;
  bool stopped_ = false;

  alignas(64) std::atomic<uint64_t> published_{0};
  // Journal thread's.
  alignas(64) std::atomic<uint64_t> consumed_{0};
  uint64_t tail_ = 0;
  // The overrun: written once by the hot thread, lost_ a message.
  alignas(64) std::atomic<bool> overrun_{false};
  std::atomic<uint32_t> lost_generation_{0};
  std::atomic<uint64_t> lost_sequence_{0};
  std::atomic<uint64_t> lost_{0};
};

}  // namespace feedfarm
