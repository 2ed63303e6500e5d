#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/feed/framing.h"

namespace feedfarm::moldudp64 {

// The request packet of MoldUDP64, client to re-request server by unicast UDP: the 20 bytes of a downstream header
// with the session, the first sequence wanted and how many messages. The answer is one ordinary downstream packet with
// as many of them as fit; anything wrong is answered with silence.
struct Rerequest {
  static constexpr size_t kBytesMax = 20;
  static constexpr uint64_t kCountMax = 0xFFFF;

  // A request always names its session: a server ignores one that does not.
  Rerequest(const SessionId& session, uint64_t first_sequence, uint64_t count)
      : session(session), first_sequence(first_sequence), count(count) {}

  SessionId session;
  uint64_t first_sequence;
  uint64_t count;  // more than kCountMax is sent as kCountMax: ask again for the rest

  // Writes the request to `out` and returns its bytes (kBytesMax). Our own bug, CHECKed: `out` is too small, or a
  // request for nothing.
  size_t Encode(std::span<uint8_t> out) const;

  // nullopt where the bytes are no request: not exactly 20, sequence 0 (sequences count from 1), or count 0.
  static std::optional<Rerequest> Parse(std::span<const uint8_t> packet);
};

}  // namespace feedfarm::moldudp64
