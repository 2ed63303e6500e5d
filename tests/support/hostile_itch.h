#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/base/rng.h"
#include "pipeline/itch/message_length.h"

namespace feedfarm {

// An endless stream of ITCH messages that goes where books break: every type, orders that live, died or never were,
// references that are dense, sparse, or meet in one slot of an index, few prices and many, executions of less, all and
// more than is open, wrong instruments and sides, nothing at all, and now and then bytes that are no message. Each seed
// has its own temper: how many instruments and prices, how large a book it aims at, which references.
class HostileItch {
 public:
  // Locates drawn are 0..locates, of which the last one may be beyond a book's bound. `index_slots`: a power of two;
  // the distance at which references meet.
  HostileItch(uint64_t seed, uint32_t locates, uint64_t index_slots);

  // Valid until the next call.
  std::span<const uint8_t> Next();

 private:
  struct Live {
    uint64_t reference;
    uint32_t shares;
    uint16_t locate;
  };

  void Order(char type);
  void AddOrder(char type);
  void ReplaceOrder();
  uint64_t NewReference();
  uint32_t Price();
  uint32_t Shares();
  uint16_t Locate();
  // A live order mostly; else a dead one or one that never was.
  Live Pick(size_t* at);
  void Number(size_t at, size_t bytes, uint64_t value);

  enum class References { kDense, kGappy, kMeeting, kSparse };

  Rng rng_;
  const uint32_t locates_;
  const uint64_t index_slots_;
  References references_;
  uint32_t prices_;
  uint32_t tick_;
  uint64_t target_;
  uint64_t hostile_in_1000_;
  uint64_t last_reference_;
  std::vector<Live> live_;
  std::vector<Live> dead_;
  std::array<uint8_t, itch::kMessageBytesMax> bytes_{};
  size_t size_ = 0;
};

}  // namespace feedfarm
