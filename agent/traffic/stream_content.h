#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/traffic/message_store.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// One packet of a line: which messages, and when. Its bytes are made from the store when it is sent (payload_writer.h).
struct StreamPacket {
  enum class Kind : uint8_t {
    kData,
    kHeartbeat,
    kEndOfSession,
    kRaw,  // bytes that are no whole packet of this stream, sent as they were recorded
  };

  uint64_t due_ns = 0;        // after START; in StreamContent: after the capture's first packet
  uint64_t first_index = 0;   // kData: its first message. Others: the message that would come next
  uint64_t sequence = 0;      // of that message; kRaw: its number in StreamContent::raw_packets
  uint64_t send_time_ns = 0;  // IEX-TP's send time field
  uint32_t count = 0;         // kData: messages, >= 1
  uint32_t generation = 0;
  uint16_t bytes = 0;  // UDP payload
  Kind kind = Kind::kData;

  uint64_t end_index() const { return first_index + count; }
};
static_assert(sizeof(StreamPacket) == 48);

// What a scenario's traffic consists of before it is scheduled on lines: every message once, and the packets of line A
// with the content's own times.
struct StreamContent {
  struct RawPacket {
    uint64_t offset = 0;  // in raw_bytes
    uint16_t size = 0;
  };

  v1::FeedProtocol protocol = v1::FEED_PROTOCOL_UNSPECIFIED;
  std::unique_ptr<MessageStore> store;
  std::vector<StreamPacket> packets;
  std::vector<uint8_t> raw_bytes;
  std::vector<RawPacket> raw_packets;

  uint64_t session_restarts = 0;
  uint64_t session_changes = 0;
  // Of a capture: records cut short; records of something else; messages that came again; sequence numbers that no
  // packet held.
  uint64_t truncated_records = 0;
  uint64_t foreign_records = 0;
  uint64_t repeated_messages = 0;
  uint64_t missing_messages = 0;

  std::span<const uint8_t> raw(uint64_t number) const {
    return {raw_bytes.data() + raw_packets[number].offset, raw_packets[number].size};
  }
};

// Most UDP payload of a packet that the source cuts itself; a scenario that does not say means an Ethernet frame's.
inline uint32_t PacketBytesMax(const v1::Traffic& traffic) {
  return traffic.packet_bytes_max() == 0 ? 1472 : traffic.packet_bytes_max();
}

// Bytes of a packet header of the protocol.
inline constexpr uint16_t HeaderBytes(v1::FeedProtocol protocol) {
  return protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10 ? 40 : 20;
}

// UDP payload of a packet that carries the messages [first, first + count).
inline uint64_t PayloadBytes(const StreamContent& content, uint64_t first, uint64_t count) {
  return HeaderBytes(content.protocol) + content.store->block_offset(first + count) -
         content.store->block_offset(first);
}

}  // namespace feedfarm
