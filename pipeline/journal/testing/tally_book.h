#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "pipeline/book/feed_book.h"

namespace feedfarm {

// The smallest book there is, for tests of the journal: a message is a key (its second byte) and a value (all of it);
// type 'D' takes the key out. Order matters, so that a lost, doubled or swapped message shows in the hash.
class TallyBook {
 public:
  Applied Apply(std::span<const uint8_t> message) {
    BookOutcome outcome = BookOutcome::kApplied;
    if (message.size() < 2) {
      outcome = BookOutcome::kMalformed;
    } else if (message[0] == 'D') {
      outcome = entries_.erase(message[1]) != 0 ? BookOutcome::kApplied : BookOutcome::kUnknownOrder;
    } else {
      entries_[message[1]].assign(message.begin(), message.end());
    }
    ++outcomes_[static_cast<size_t>(outcome)];
    return {.outcome = outcome};
  }
  void ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener*) {
    for (const std::span<const uint8_t> message : messages) Apply(message);
  }
  void Clear() { entries_.clear(); }
  uint64_t StateHash() const {
    uint64_t hash = 0;
    for (const auto& [key, value] : entries_) hash += XXH3_64bits_withSeed(value.data(), value.size(), key);
    return hash;
  }
  TopOfBook Top(uint32_t) const { return {}; }
  template <class Emit>
  void EmitState(Emit&& emit) const {
    for (const auto& [key, value] : entries_) emit(std::span<const uint8_t>(value));
  }
  std::span<const uint64_t, kBookOutcomes> Outcomes() const { return outcomes_; }
  uint64_t orders_live() const { return entries_.size(); }
  uint64_t levels_live() const { return 0; }

 private:
  std::map<uint8_t, std::vector<uint8_t>> entries_;
  std::array<uint64_t, kBookOutcomes> outcomes_{};
};

static_assert(FeedBook<TallyBook>);

}  // namespace feedfarm
