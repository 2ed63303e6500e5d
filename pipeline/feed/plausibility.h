#pragma once

#include <cstdint>
#include <optional>

#include "absl/base/attributes.h"
#include "pipeline/feed/departure.h"
#include "pipeline/feed/line_arbiter.h"
#include "pipeline/feed/suspect_packets.h"

namespace feedfarm {

// Between the lines and the arbiter: packets that depart from the stream are held back until they are borne out. Asked
// only about packets that are not simply next in order. Believe is a callable (const SuspectPacket&) that gives a
// packet to the arbiter. Pure; one thread; no allocation after the constructor.
class Plausibility {
 public:
  // Both borrowed.
  Plausibility(uint64_t jump_messages, const LineArbiter* arbiter, SuspectPackets::Dropped* dropped)
      : arbiter_(arbiter), suspects_(jump_messages, dropped) {}

  // kNone: the packet can be believed.
  Departure Of(const PacketHeader& header, uint64_t now_ns) {
    if (suspects_.empty()) [[likely]]
      return arbiter_->Departs(header);
    suspects_.Expire(now_ns);
    const Departure departure = arbiter_->Departs(header);
    if (departure != Departure::kNone || !arbiter_->joined()) return departure;
    return suspects_.FollowsRestart(header, arbiter_->current().known_end()) ? Departure::kRestart : departure;
  }

  // A well-formed packet that departs: holds it, or has it believed together with those that it bears out, in the order
  // of their arrival. Kept out of the code around it, which runs for every packet.
  template <class Believe>
  ABSL_ATTRIBUTE_NOINLINE void Take(SuspectPacket packet, uint64_t now_ns, Believe believe) {
    if (!suspects_.BearsOut(packet.header, packet.line, now_ns)) return suspects_.Hold(packet, now_ns);
    while (const std::optional<SuspectPacket> real = suspects_.TakeBorneOut()) believe(*real);
    // With what they made of the stream: it may be the beginning of yet another generation.
    packet.departure = arbiter_->Departs(packet.header);
    if (packet.departure != Departure::kNone) return suspects_.Hold(packet, now_ns);
    believe(packet);
  }

  // Nothing more will come. Nothing speaks against the only packet of a stream.
  template <class Believe>
  void Finish(Believe believe) {
    if (!arbiter_->joined()) {
      if (const std::optional<SuspectPacket> only = suspects_.TakeOldest()) believe(*only);
    }
    suspects_.DropAll();
  }

 private:
  const LineArbiter* const arbiter_;
  SuspectPackets suspects_;
};

}  // namespace feedfarm
