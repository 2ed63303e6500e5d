#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "agent/traffic/message_store.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// Fills `store` with one session, named `session` (10 characters at most), of exactly feed.messages() ITCH 5.0
// messages, a day of itch::SyntheticDay: opened, run and closed, with the mix of a real day and all 23 types; seals it.
// One seed gives one stream. The orders that live at one time grow towards kLiveOrders. Cost: about 100 ns a message.
//
// INVALID_ARGUMENT: no symbol or more than 65,535, fewer than symbols + kMessagesBeside messages, or more than the
// store holds.
absl::Status GenerateSyntheticItch(const v1::SyntheticFeed& feed, std::string_view session, uint64_t seed,
                                   MessageStore& store);

inline constexpr uint64_t kMessagesBeside = 40;
inline constexpr uint64_t kLiveOrders = 1 << 18;

}  // namespace feedfarm
