#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pipeline/feed/departure.h"
#include "pipeline/feed/framing.h"
#include "pipeline/feed/message_times.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// A packet that is not believed yet.
struct SuspectPacket {
  PacketHeader header;
  Departure departure = Departure::kNone;
  LineId line = LineId::kA;
  MessageTimes times = {};
  uint64_t receive_ns = 0;
  uint64_t held_since_ns = 0;  // 0 = it was not held
  std::span<const uint8_t> payload;  // a copy, which lives until the next Hold
};

// Well-formed packets that depart from the stream, held until a second packet bears them out. One stray packet, of
// another feed, damaged before its checksum was made or forged, must not end a session or open a gap of millions of
// messages; a real change is never one packet on one line:
//
//   borne out by   the other line's packet near it, or
//                  the same line's next one near it: another place in the stream, or a heartbeat later or sent later
//   near           the same session, not further apart than jump_messages, and sent in the order of their sequences
//   otherwise      dropped and counted by reason, kHeldNsMax later, or when kSlots newer ones have come
//
// So a real change waits for the second line or for one packet. What is dropped was not delivered and does not count as
// seen: if it was real after all, it is missing like a lost packet, and recovered like one.
// Pure: time comes in. One thread; nothing is allocated after the constructor.
class SuspectPackets {
 public:
  static constexpr size_t kSlots = 4;
  // A packet's copy; a longer one is dropped at once.
  static constexpr size_t kPayloadBytesMax = 9'216;
  // Feeds send a heartbeat each second when they are idle: within two of them, and a little, something else has come.
  static constexpr uint64_t kHeldNsMax = 3'000'000'000;
  // A network doubles packets within less.
  static constexpr uint64_t kSaidAgainNsMin = 100'000'000;

  using Dropped = std::array<uint64_t, kDepartures>;

  // dropped is borrowed.
  SuspectPackets(uint64_t jump_messages, Dropped* dropped);

  bool empty() const { return held_ == 0; }

  // A packet that does not depart, but would follow a restart that is held: it is judged like one that departs. known_end:
  // of the stream, where its next packet begins. What is as near to that belongs to the stream, and bears nothing out,
  // unless it begins just where the held one ends.
  bool FollowsRestart(const PacketHeader& header, uint64_t known_end) const;

  // A packet of `line` that departs: true where it bears out what is held. TakeBorneOut then gives that.
  bool BearsOut(const PacketHeader& header, LineId line, uint64_t now_ns);
  // In the order of arrival; nullopt when all were taken.
  std::optional<SuspectPacket> TakeBorneOut();

  // Whether borne out or not.
  std::optional<SuspectPacket> TakeOldest();

  // Holds a copy of `suspect`, held_since_ns = now_ns.
  void Hold(const SuspectPacket& suspect, uint64_t now_ns);

  // Drops what nothing bore out in time.
  void Expire(uint64_t now_ns);
  // Drops everything.
  void DropAll();

 private:
  struct Slot {
    SuspectPacket packet;
    uint64_t arrival = 0;  // rises; 0 = free
    bool borne_out = false;
  };

  bool Near(const PacketHeader& a, const PacketHeader& b) const;
  std::optional<SuspectPacket> Take(Slot* slot);
  void Drop(Slot& slot);
  // Of the slots in use that `wanted` is true for, the one that came first; nullptr = none.
  template <class Wanted>
  Slot* First(Wanted wanted);

  const uint64_t jump_messages_;
  Dropped* const dropped_;
  std::array<Slot, kSlots> slots_;
  size_t held_ = 0;
  uint64_t arrivals_ = 0;
  std::vector<uint8_t> payloads_;
};

}  // namespace feedfarm
