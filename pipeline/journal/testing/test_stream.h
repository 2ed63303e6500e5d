#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/journal/journal_ring.h"
#include "pipeline/journal/recovery_report.h"
#include "pipeline/journal/testing/tally_book.h"

namespace feedfarm {

// A delivered stream of random messages from a seed: several generations (session changes and restarts), left-out
// sequences, fronts; with the state after each event, computed without any journal.
class TestStream {
 public:
  explicit TestStream(uint64_t seed, size_t events) {
    Rng rng(seed);
    TallyBook book;
    StreamHash hash;
    StreamTally tally;
    uint32_t generation = 0;
    uint64_t sequence = 1, session = 1, time = 1;
    Note({}, book, hash, tally);
    for (size_t i = 0; i < events; ++i) {
      Event event;
      event.begin = i == 0 || rng.Below(400) == 0;
      if (event.begin) {
        if (i != 0) ++generation;
        if (i != 0 && rng.Below(2) == 0) {
          ++session;
          ++tally.session_changes;
        }
        sequence = 1;
        event.session = {session, 7};
        book.Clear();
      } else {
        if (rng.Below(50) == 0) sequence += 1 + rng.Below(5);
        event.message.resize(rng.Below(60));
        for (uint8_t& byte : event.message) byte = static_cast<uint8_t>(rng.Next());
        if (!event.message.empty()) {
          event.message[0] = "AAAADX"[rng.Below(6)];
          ++tally.types[event.message[0]];
        }
        if (event.message.size() > 1) event.message[1] %= 32;
        book.Apply(event.message);
        hash.Add(generation, sequence, event.message);
        ++messages_;
      }
      event.generation = generation;
      event.front = {.front_sequence = sequence, .front_time_ns = ++time, .anchor_sequence = 1};
      event.sequence = event.begin ? sequence : sequence++;
      Note(event, book, hash, tally);
    }
  }

  // Of events: begins and messages.
  size_t size() const { return events_.size() - 1; }
  uint64_t messages() const { return messages_; }

  // Appends event `index` to the ring, with the front behind it.
  void Append(JournalRing& ring, size_t index) const {
    const Event& event = events_[index + 1];
    if (event.begin) {
      ring.Begin(event.generation, event.session, event.sequence, event.front);
    } else {
      ring.Append(event.generation, event.sequence, event.message);
      if (index % 3 == 0) ring.Front(event.generation, event.front);
    }
  }

  // The first event that is not before the cursor: where the feed goes on.
  size_t IndexOf(const JournalCursor& cursor) const {
    if (!cursor.joined) return 0;
    size_t index = 0;
    while (index < size()) {
      const Event& event = events_[index + 1];
      const bool before =
          event.generation < cursor.generation ||
          (event.generation == cursor.generation && (event.begin || event.sequence < cursor.next_sequence));
      if (!before) break;
      ++index;
    }
    return index;
  }

  // Behind the first `events` events.
  uint64_t StateHashAt(size_t events) const { return events_[events].state_hash; }
  uint64_t HashAt(size_t events) const { return events_[events].stream_hash; }
  const StreamTally& TallyAt(size_t events) const { return events_[events].tally; }

 private:
  struct Event {
    bool begin = false;
    uint32_t generation = 0;
    uint64_t sequence = 0;
    SessionId session;
    StreamFront front;
    std::vector<uint8_t> message;
    // Behind it.
    uint64_t state_hash = 0;
    uint64_t stream_hash = 0;
    StreamTally tally;
  };

  void Note(Event event, const TallyBook& book, const StreamHash& hash, const StreamTally& tally) {
    event.state_hash = book.StateHash();
    event.stream_hash = hash.value();
    event.tally = tally;
    std::copy(book.Outcomes().begin(), book.Outcomes().end(), event.tally.outcomes.begin());
    events_.push_back(std::move(event));
  }

  std::vector<Event> events_;  // the first one stands for the beginning
  uint64_t messages_ = 0;
};

}  // namespace feedfarm
