#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/traffic/stream_content.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/glimpse/glimpse.h"

namespace feedfarm {

// The state of a stream of ITCH messages after any number of them, as a GLIMPSE server gives it. One thread; memory is
// the book's, about 180 MB. Cost of a snapshot: applying what came since the last one, and a walk over the book.
class StreamState {
 public:
  struct Snapshot {
    SessionId session;
    uint64_t next_sequence = 1;
    uint64_t messages = 0;         // of the state, without the last one
    std::vector<uint8_t> packets;  // SoupBinTCP sequenced data, the end of the snapshot included
  };

  // `content` outlives it. INVALID_ARGUMENT: its messages are not ITCH. No memory: as the book says.
  static absl::StatusOr<std::unique_ptr<StreamState>> Create(const StreamContent& content);

  // After the messages [0, end) of the store.
  Snapshot At(uint64_t end);

  // Applies what comes before `end`, so that At of it or behind has less to do.
  void Follow(uint64_t end);

 private:
  // The generation that the message before `end` is of. There is one at least.
  const StreamGeneration& GenerationAt(uint64_t end) const;

  StreamState(const StreamContent& content, std::unique_ptr<ItchBook> book)
      : store_(*content.store), book_(std::move(book)) {}

  const MessageStore& store_;
  std::unique_ptr<ItchBook> book_;
  uint64_t applied_ = 0;  // messages [0, applied_) are in the book, as far as they are of its generation
};

}  // namespace feedfarm
