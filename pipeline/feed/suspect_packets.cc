#include "pipeline/feed/suspect_packets.h"

#include <algorithm>
#include <cstring>

namespace feedfarm {
namespace {

// The messages between two packets; 0 where they touch or overlap.
uint64_t Between(const PacketHeader& a, const PacketHeader& b) {
  const PacketHeader& low = a.first_sequence <= b.first_sequence ? a : b;
  const PacketHeader& high = &low == &a ? b : a;
  const uint64_t low_end = low.first_sequence + low.count;
  return high.first_sequence > low_end ? high.first_sequence - low_end : 0;
}

// What is further on was not sent earlier, and what begins with the same message has its time. However much later it
// was sent: feeds may be idle for long.
bool SentInOrder(const PacketHeader& a, const PacketHeader& b) {
  if (a.first_sequence < b.first_sequence) return a.send_time_ns <= b.send_time_ns;
  if (a.first_sequence > b.first_sequence) return a.send_time_ns >= b.send_time_ns;
  return a.kind != PacketKind::kData || b.kind != PacketKind::kData || a.send_time_ns == b.send_time_ns;
}

// As a packet that the network doubled; an idle feed's next heartbeat differs in its send time, if there are any.
bool SamePlace(const PacketHeader& a, const PacketHeader& b) {
  return a.kind == b.kind && a.first_sequence == b.first_sequence && a.send_time_ns == b.send_time_ns;
}

}  // namespace

SuspectPackets::SuspectPackets(uint64_t jump_messages, Dropped* dropped)
    : jump_messages_(jump_messages), dropped_(dropped), payloads_(kSlots * kPayloadBytesMax) {}

bool SuspectPackets::Near(const PacketHeader& a, const PacketHeader& b) const {
  return a.session == b.session && Between(a, b) <= jump_messages_ && SentInOrder(a, b);
}

bool SuspectPackets::FollowsRestart(const PacketHeader& header, uint64_t known_end) const {
  const uint64_t from_stream = header.first_sequence > known_end ? header.first_sequence - known_end : 0;
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    const PacketHeader& held = slot.packet.header;
    return slot.arrival != 0 && slot.packet.departure == Departure::kRestart &&
           header.send_time_ns >= held.send_time_ns && Near(held, header) &&
           (header.first_sequence == held.first_sequence + held.count || Between(held, header) < from_stream);
  });
}

bool SuspectPackets::BearsOut(const PacketHeader& header, LineId line, uint64_t now_ns) {
  bool any = false;
  const auto bears_out = [&](const SuspectPacket& held) {
    if (!Near(held.header, header)) return false;
    if (held.line != line || !SamePlace(held.header, header)) return true;
    return header.kind != PacketKind::kData && now_ns >= held.held_since_ns + kSaidAgainNsMin;
  };
  for (const Slot& slot : slots_) any = any || (slot.arrival != 0 && bears_out(slot.packet));
  if (!any) return false;
  // What is near one that is real is real, a second copy of it included.
  for (Slot& slot : slots_) slot.borne_out = slot.arrival != 0 && Near(slot.packet.header, header);
  return true;
}

template <class Wanted>
SuspectPackets::Slot* SuspectPackets::First(Wanted wanted) {
  Slot* first = nullptr;
  for (Slot& slot : slots_) {
    if (slot.arrival != 0 && wanted(slot) && (first == nullptr || slot.arrival < first->arrival)) first = &slot;
  }
  return first;
}

std::optional<SuspectPacket> SuspectPackets::TakeBorneOut() {
  return Take(First([](const Slot& held) { return held.borne_out; }));
}

std::optional<SuspectPacket> SuspectPackets::TakeOldest() {
  return Take(First([](const Slot&) { return true; }));
}

std::optional<SuspectPacket> SuspectPackets::Take(Slot* slot) {
  if (slot == nullptr) return std::nullopt;
  slot->arrival = 0;
  --held_;
  return slot->packet;
}

void SuspectPackets::Hold(const SuspectPacket& suspect, uint64_t now_ns) {
  if (suspect.payload.size() > kPayloadBytesMax) {
    ++(*dropped_)[static_cast<size_t>(suspect.departure)];
    return;
  }
  if (held_ == kSlots) Drop(*First([](const Slot&) { return true; }));
  Slot& slot = *std::find_if(slots_.begin(), slots_.end(), [](const Slot& each) { return each.arrival == 0; });
  uint8_t* const copy = payloads_.data() + (&slot - slots_.data()) * kPayloadBytesMax;
  if (!suspect.payload.empty()) std::memcpy(copy, suspect.payload.data(), suspect.payload.size());
  slot = {.packet = suspect, .arrival = ++arrivals_};
  slot.packet.payload = {copy, suspect.payload.size()};
  slot.packet.held_since_ns = now_ns;
  ++held_;
}

void SuspectPackets::Drop(Slot& slot) {
  ++(*dropped_)[static_cast<size_t>(slot.packet.departure)];
  slot.arrival = 0;
  --held_;
}

void SuspectPackets::Expire(uint64_t now_ns) {
  for (Slot& slot : slots_) {
    if (slot.arrival != 0 && now_ns > slot.packet.held_since_ns + kHeldNsMax) Drop(slot);
  }
}

void SuspectPackets::DropAll() {
  for (Slot& slot : slots_) {
    if (slot.arrival != 0) Drop(slot);
  }
}

}  // namespace feedfarm
