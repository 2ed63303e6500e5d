#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "pipeline/base/endian.h"
#include "pipeline/feed/framing.h"

// MoldUDP64 1.00 (Nasdaq), downstream packet. Big-endian.
//
//   0            10             18      20
//   session(10)  sequence(8)    count(2)  count x { length(2), message(length) }
//
// count 0 is a heartbeat, 0xFFFF the end of the session; both carry the next sequence expected and no blocks.
namespace feedfarm::moldudp64 {

inline constexpr size_t kSessionBytes = 10;
inline constexpr size_t kSequenceOffset = 10;
inline constexpr size_t kCountOffset = 18;
inline constexpr size_t kHeaderBytes = 20;
inline constexpr size_t kLengthBytes = 2;  // before each message
inline constexpr uint16_t kHeartbeatCount = 0;
inline constexpr uint16_t kEndOfSessionCount = 0xFFFF;
// Ethernet's 1,500 bytes without IPv4 and UDP headers: real packets reach exactly this.
inline constexpr size_t kPacketBytesMax = 1472;

// The session's 10 bytes as they stand on the wire (ASCII, padded with spaces to the right).
inline SessionId LoadSession(const uint8_t* at) { return {LoadBig<uint64_t>(at), LoadBig<uint16_t>(at + 8)}; }

inline void StoreSession(uint8_t* at, const SessionId& session) {
  StoreBig<uint64_t>(at, session.high);
  StoreBig<uint16_t>(at + 8, static_cast<uint16_t>(session.low));
}

// `name` padded with spaces to the right; what is beyond 10 characters is left out.
inline SessionId MakeSession(std::string_view name) {
  std::array<uint8_t, kSessionBytes> bytes;
  bytes.fill(' ');
  std::copy_n(name.begin(), std::min(name.size(), bytes.size()), bytes.begin());
  return LoadSession(bytes.data());
}

// Writes the 20 bytes of a header at `at`.
inline void StoreHeader(uint8_t* at, const SessionId& session, uint64_t sequence, uint16_t count) {
  StoreSession(at, session);
  StoreBig<uint64_t>(at + kSequenceOffset, sequence);
  StoreBig<uint16_t>(at + kCountOffset, count);
}

// The Framing of a MoldUDP64 feed. Stateless; any thread.
//
// Bytes behind the last block are ignored: the protocol has no length of its own that they could contradict. None of
// the 134 packets of the Nasdaq, BX and PSX captures has any, so this costs nothing there, and a sender's padding must
// not turn into loss. (FeedDetector is stricter: it believes only packets that are filled exactly.)
struct MoldUdp64 {
  // kMalformed: shorter than a header, or a count whose length fields alone are longer than the payload.
  // send_time_ns is 0: the protocol has none.
  static PacketHeader ParseHeader(std::span<const uint8_t> payload) {
    PacketHeader header;
    if (payload.size() < kHeaderBytes) return header;
    const uint16_t count = LoadBig<uint16_t>(payload.data() + kCountOffset);
    header.session = LoadSession(payload.data());
    header.first_sequence = LoadBig<uint64_t>(payload.data() + kSequenceOffset);
    if (count == kHeartbeatCount) {
      header.kind = PacketKind::kHeartbeat;
    } else if (count == kEndOfSessionCount) {
      header.kind = PacketKind::kEndOfSession;
    } else if (kHeaderBytes + kLengthBytes * count <= payload.size()) {
      header.kind = PacketKind::kData;
      header.count = count;
    }
    return header;
  }

  // False where a block runs past the payload's end, and where there are more than kBlocksMax blocks. A block of
  // length 0 is legal and takes a sequence number. On false what stands in `out` means nothing.
  static bool IndexBlocks(std::span<const uint8_t> payload, const PacketHeader& header, BlockIndex& out) {
    if (header.count > kBlocksMax || payload.size() > 0xFFFF) return false;
    return WalkBlocks(payload, header, [&out, i = size_t{0}](size_t at, uint16_t length) mutable {
      out[i++] = {static_cast<uint16_t>(at), length};
    });
  }

  // Calls visit(offset, length) for each block in turn. False where a block runs past the payload's end: those before
  // it were visited.
  template <class Visit>
  static bool WalkBlocks(std::span<const uint8_t> payload, const PacketHeader& header, Visit&& visit) {
    size_t at = kHeaderBytes;
    for (uint32_t i = 0; i < header.count; ++i) {
      if (at + kLengthBytes > payload.size()) return false;
      const uint16_t length = LoadBig<uint16_t>(payload.data() + at);
      at += kLengthBytes;
      if (length > payload.size() - at) return false;
      visit(at, length);
      at += length;
    }
    return true;
  }
};

static_assert(Framing<MoldUdp64>);

}  // namespace feedfarm::moldudp64
