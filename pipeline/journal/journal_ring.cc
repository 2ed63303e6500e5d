#include "pipeline/journal/journal_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>

#include "absl/strings/str_cat.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr size_t kBytesMin = 512 * 1024;  // several runs of the largest size
constexpr size_t kMessageBytesMax = 65'535;

// Offsets in a run's header: kind, flags, two bytes of nothing, then these.
constexpr size_t kGeneration = 4;
constexpr size_t kFirstSequence = 8;
constexpr size_t kCount = 16;
constexpr size_t kBodyBytes = 20;

constexpr uint64_t Aligned(uint64_t position) { return (position + kRecordAlign - 1) / kRecordAlign * kRecordAlign; }

// One memory, mapped twice in a row, touched.
absl::StatusOr<uint8_t*> MapTwice(size_t bytes) {
  const ScopedFd memory(::memfd_create("journal_ring", MFD_CLOEXEC));
  if (!memory.valid()) return ErrnoStatus("memfd_create for the journal's ring");
  if (::ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0) return ErrnoStatus("ftruncate of the journal's ring");
  void* const both = ::mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (both == MAP_FAILED) return ErrnoStatus("mmap for the journal's ring");
  uint8_t* const first = static_cast<uint8_t*>(both);
  for (uint8_t* const half : {first, first + bytes}) {
    if (::mmap(half, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, memory.get(), 0) ==
        MAP_FAILED) {
      const absl::Status status = ErrnoStatus("mmap of the journal's ring");
      ::munmap(both, 2 * bytes);
      return status;
    }
  }
  std::memset(first, 0, bytes);
  return first;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JournalRing>> JournalRing::Create(size_t bytes) {
  if (bytes < kBytesMin || !std::has_single_bit(bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the journal's ring of ", bytes, " bytes: a power of two from ", kBytesMin, " on is needed"));
  }
  FEEDFARM_ASSIGN_OR_RETURN(uint8_t* const memory, MapTwice(bytes));
  return std::unique_ptr<JournalRing>(new JournalRing(memory, bytes));
}

JournalRing::~JournalRing() { ::munmap(memory_, 2 * capacity_); }

void JournalRing::Begin(uint32_t generation, const SessionId& session, uint64_t first_sequence,
                        const StreamFront& front) {
  std::array<uint8_t, 16 + kFrontBytes> body;
  StoreLittle<uint64_t>(body.data(), session.high);
  StoreLittle<uint64_t>(body.data() + 8, session.low);
  EncodeFront(front, body.data() + 16);
  PutRun(RecordKind::kBegin, 0, generation, first_sequence, body);
}

void JournalRing::Front(uint32_t generation, const StreamFront& front) {
  std::array<uint8_t, kFrontBytes> body;
  EncodeFront(front, body.data());
  PutRun(RecordKind::kFront, 0, generation, 0, body);
}

void JournalRing::BeginState(uint32_t generation) { PutRun(RecordKind::kState, kStateFirst, generation, 0, {}); }

void JournalRing::AppendState(std::span<const uint8_t> message) {
  const bool fits = run_open_ && head_ + kLengthBytes + message.size() <= run_start_ + kRecordBodyMax &&
                    HasRoom(kLengthBytes + message.size());
  if (!fits) {
    Publish();  // a state is long, and nobody publishes for it
    if (!OpenRun(RecordKind::kState, 0, 0, 0, kLengthBytes + message.size())) return;
  }
  Put(message);
}

void JournalRing::EndState(uint32_t generation, uint64_t next_sequence) {
  PutRun(RecordKind::kState, kStateLast, generation, next_sequence, {});
}

bool JournalRing::OpenMessages(uint32_t generation, uint64_t sequence, size_t message_bytes) {
  if (!OpenRun(RecordKind::kMessages, 0, generation, sequence, kLengthBytes + message_bytes)) {
    lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return false;
  }
  run_next_ = sequence;
  run_generation_ = generation;
  run_end_ = std::min(run_start_ + kRecordBodyMax, tail_seen_ + capacity_);
  return true;
}

bool JournalRing::OpenRun(RecordKind kind, uint8_t flags, uint32_t generation, uint64_t first_sequence,
                          size_t body_bytes) {
  if (stopped_) return false;
  if (run_open_) CloseRun();
  if (body_bytes > kLengthBytes + kMessageBytesMax || !HasRoom(kRunHeaderBytes + Aligned(body_bytes))) {
    stopped_ = true;
    lost_generation_.store(generation, std::memory_order_relaxed);
    lost_sequence_.store(first_sequence, std::memory_order_relaxed);
    overrun_.store(true, std::memory_order_release);  // overrun()'s acquire sees where
    return false;
  }
  uint8_t* const at = At(head_);
  at[0] = static_cast<uint8_t>(kind);
  at[1] = flags;
  StoreLittle<uint32_t>(at + kGeneration, generation);
  StoreLittle<uint64_t>(at + kFirstSequence, first_sequence);
  head_ += kRunHeaderBytes;
  run_start_ = head_;
  run_count_ = 0;
  run_open_ = true;
  return true;
}

void JournalRing::PutRun(RecordKind kind, uint8_t flags, uint32_t generation, uint64_t first_sequence,
                         std::span<const uint8_t> body) {
  if (!OpenRun(kind, flags, generation, first_sequence, body.size())) return;
  if (!body.empty()) std::memcpy(At(head_), body.data(), body.size());
  head_ += body.size();
  CloseRun();
}

void JournalRing::CloseRun() {
  uint8_t* const at = At(run_start_ - kRunHeaderBytes);
  StoreLittle<uint32_t>(at + kCount, run_count_);
  StoreLittle<uint32_t>(at + kBodyBytes, static_cast<uint32_t>(head_ - run_start_));
  head_ = Aligned(head_);
  run_open_ = false;
  run_end_ = 0;
}

bool JournalRing::HasRoom(size_t bytes) {
  if (head_ + bytes <= tail_seen_ + capacity_) return true;
  tail_seen_ = consumed_.load(std::memory_order_acquire);
  return head_ + bytes <= tail_seen_ + capacity_;
}

bool JournalRing::Peek(size_t offset, RingRun* run) const {
  const uint64_t position = tail_ + offset;
  if (position >= published_.load(std::memory_order_acquire)) return false;
  const uint8_t* const at = At(position);
  const uint32_t body_bytes = LoadLittle<uint32_t>(at + kBodyBytes);
  *run = {.kind = static_cast<RecordKind>(at[0]),
          .flags = at[1],
          .generation = LoadLittle<uint32_t>(at + kGeneration),
          .count = LoadLittle<uint32_t>(at + kCount),
          .first_sequence = LoadLittle<uint64_t>(at + kFirstSequence),
          .body = {at + kRunHeaderBytes, body_bytes},
          .bytes = kRunHeaderBytes + static_cast<size_t>(Aligned(body_bytes))};
  return true;
}

RingOverrun JournalRing::overrun() const {
  if (!overrun_.load(std::memory_order_acquire)) return {};
  return {.happened = true,
          .generation = lost_generation_.load(std::memory_order_relaxed),
          .sequence = lost_sequence_.load(std::memory_order_relaxed),
          .messages = lost_.load(std::memory_order_relaxed)};
}

}  // namespace feedfarm
