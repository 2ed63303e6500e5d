#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "agent/traffic/message_store.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Fills `store` with one session of exactly feed.messages() ITCH 5.0 messages and seals it. One seed gives one stream.
//
//   S O, S S, R for each symbol, one of every administrative type, S Q, orders ..., S M, S E, S C
//
// The orders have the mix of a real day (30 December 2019): add 44.1 %, delete 42.6 %, replace 8.0 %, execute and
// cancel 3.2 %, other 2.1 %. References rise; deletes, executions, cancels and replaces name orders that live, and
// executions and cancels never take more shares than are left. At most kLiveOrdersMax live: further adds become
// deletes. Prices stand around a random walk for each symbol. Every one of the 23 types occurs. Cost: about 60 ns a
// message.
//
// INVALID_ARGUMENT: no symbol or more than 65,535, fewer than symbols + kMessagesBeside messages, or more than the
// store holds.
absl::Status GenerateSyntheticItch(const v1::SyntheticFeed& feed, uint64_t seed, MessageStore& store);

inline constexpr uint64_t kMessagesBeside = 40;
inline constexpr uint64_t kLiveOrdersMax = 1 << 18;

}  // namespace feedfarm
