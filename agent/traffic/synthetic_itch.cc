#include "agent/traffic/synthetic_itch.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "pipeline/itch/synthetic_day.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

constexpr uint64_t kPart = 1 << 16;

}  // namespace

absl::Status GenerateSyntheticItch(const v1::SyntheticFeed& feed, std::string_view session, uint64_t seed,
                                   MessageStore& store) {
  if (feed.symbols() == 0 || feed.symbols() > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic feed: symbols is ", feed.symbols(), ", not 1..65535"));
  }
  if (feed.messages() < feed.symbols() + kMessagesBeside) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic feed: messages is ", feed.messages(), ", needs at least ",
                                                   feed.symbols() + kMessagesBeside, " (symbols + ", kMessagesBeside,
                                                   ")"));
  }
  store.BeginGeneration(moldudp64::MakeSession(session), 1, 0);
  bool full = false;
  const auto keep = [&](std::span<const uint8_t> message) {
    uint8_t* const at = full ? nullptr : store.Claim(static_cast<uint16_t>(message.size()));
    full = at == nullptr;
    if (!full) std::copy(message.begin(), message.end(), at);
  };
  itch::SyntheticDay day({.symbols = feed.symbols(), .live_orders = kLiveOrders, .seed = seed}, keep);
  day.Open();
  uint64_t left = feed.messages() - feed.symbols() - itch::SyntheticDay::kMessagesBeside;
  // In parts: a store that is full does not wait for the rest of the day.
  for (; left > 0 && !full; left -= std::min(left, kPart)) day.Run(std::min(left, kPart));
  day.Close();
  if (full) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic feed: ", feed.messages(), " messages do not fit ",
                                                   store.bytes_max(), " bytes; ", store.messages(), " did"));
  }
  return store.Seal();
}

}  // namespace feedfarm
