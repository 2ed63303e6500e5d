#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace feedfarm {

// A feed's session, comparable in two words: MoldUDP64's 10 bytes, or IEX-TP's channel and session ids.
struct SessionId {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const SessionId&, const SessionId&) = default;
};

enum class PacketKind : uint8_t { kData, kHeartbeat, kEndOfSession, kMalformed };

// What every framing's packet header says.
struct PacketHeader {
  PacketKind kind = PacketKind::kMalformed;
  uint32_t count = 0;           // messages; 0 unless kData
  uint64_t first_sequence = 0;  // kHeartbeat, kEndOfSession: the next sequence expected
  uint64_t send_time_ns = 0;    // 0 = the protocol has none; orders a restart of the sequence inside one session
  SessionId session;
};

// One message's place in a packet.
struct BlockRef {
  uint16_t offset = 0;  // of the message, from the payload's first byte
  uint16_t length = 0;  // may be 0
};

// No packet holds more: a block is two bytes of length at least, a payload 9,000 bytes at most (jumbo frame).
inline constexpr size_t kBlocksMax = 4500;
using BlockIndex = std::array<BlockRef, kBlocksMax>;

// A framing is a type with static functions, a template argument of the handler: it costs nothing at run time.
//   ParseHeader: any bytes in, kMalformed where they are no packet of this framing (too short, wrong version, wrong
//     payload length). Never reads past the span.
//   IndexBlocks: fills out[0, header.count); false where a block runs past the payload's end.
//   WalkBlocks: the same as calls of visit(offset, length).
template <class F>
concept Framing = requires(std::span<const uint8_t> payload, const PacketHeader& header, BlockIndex& out) {
  { F::ParseHeader(payload) } -> std::same_as<PacketHeader>;
  { F::IndexBlocks(payload, header, out) } -> std::same_as<bool>;
  {
    F::WalkBlocks(payload, header, [](size_t, uint16_t) {})
    } -> std::same_as<bool>;
};

}  // namespace feedfarm
