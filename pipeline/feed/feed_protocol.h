#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/deep/message_length.h"
#include "pipeline/feed/framing.h"
#include "pipeline/iextp/gap_fill.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/itch/message_length.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm {

// What the feed handler must know of a protocol, at compile time: its framing, how to ask for what is missing, and
// whether a message is as long as its type says.
template <class P>
concept FeedProtocol = Framing<typename P::Framing> &&
    requires(const SessionId& session, uint64_t n, uint8_t type, size_t bytes, std::span<uint8_t> out) {
  { typename P::Rerequest(session, n, n).Encode(out) } -> std::same_as<size_t>;
  { P::Rerequest::kBytesMax } -> std::convertible_to<size_t>;
  { P::LengthFits(type, bytes) } -> std::same_as<bool>;
};

// moldudp64-itch50
struct MoldItchProtocol {
  using Framing = moldudp64::MoldUdp64;
  using Rerequest = moldudp64::Rerequest;
  // bytes > 0. Types that ITCH 5.0 does not have fit no length.
  static bool LengthFits(uint8_t type, size_t bytes) { return itch::MessageLength(type) == bytes; }
};

// iextp-deep10
struct IexDeepProtocol {
  using Framing = iextp::IexTp;
  using Rerequest = iextp::Rerequest;
  // bytes > 0. IEX may lengthen messages and add types without notice.
  static bool LengthFits(uint8_t type, size_t bytes) { return bytes >= deep::MessageLength(type); }
};

static_assert(FeedProtocol<MoldItchProtocol>);
static_assert(FeedProtocol<IexDeepProtocol>);

}  // namespace feedfarm
