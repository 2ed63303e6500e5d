#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "pipeline/book/feed_book.h"

namespace feedfarm {

// A message changed an instrument's best bid or offer: what a strategy waits for.
struct TopUpdate {
  uint64_t order = 0;     // of the message among all messages of the run: rises, over generations too
  uint64_t sequence = 0;  // of the message
  TopOfBook top;          // after it
};

// Hash chained over (sequence, top) of every update in order: equal values mean that the best prices were the same
// after each message, not only at the end.
class TopHash {
 public:
  void Add(const TopUpdate& update) {
    ++updates_;
    uint64_t value = value_ ^ update.sequence;
    for (uint64_t word : {update.top.bid_price, update.top.bid_shares, update.top.ask_price, update.top.ask_shares}) {
      value = (value ^ word) * 0x9E3779B97F4A7C15u;
      value ^= value >> 32;
    }
    value_ = value;
  }

  uint64_t updates() const { return updates_; }
  uint64_t value() const { return value_; }
  // 16 lower-case hex digits.
  std::string ToString() const { return absl::StrFormat("%016x", value_); }

 private:
  uint64_t updates_ = 0;
  uint64_t value_ = 0;
};

}  // namespace feedfarm
